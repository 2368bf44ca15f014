import type { Operation, Plan, PlanNode } from '../model/plan.ts';

/** Collects nodes; a node can only need nodes that exist, so the plan is in topological order by construction. */
export class PlanBuilder {
  readonly #nodes: PlanNode[] = [];

  add(operation: Operation, subject: string, cause: string, needs: Iterable<number> = []): number {
    const id = this.#nodes.length + 1;
    this.#nodes.push({ id, operation, subject, cause, needs: [...new Set(needs)].toSorted((a, b) => a - b) });
    return id;
  }

  build(): Plan {
    return { nodes: this.#nodes };
  }
}

/** The form in which tests and `--dry-run` show a plan: `[needs] -> #id subject, operation, cause`. */
export function formatPlan(plan: Plan): string {
  return plan.nodes
    .map((node) => `[${node.needs.join(',')}] -> #${node.id} ${node.subject}, ${node.operation.op}, ${node.cause}`)
    .join('\n');
}

/** One plan of two: what the second begins with waits until the whole of the first is done. */
export function chainPlans(first: Plan, second: Plan): Plan {
  const shift = first.nodes.length;
  const all = first.nodes.map((node) => node.id);
  const later = second.nodes.map((node) => ({
    ...node,
    id: node.id + shift,
    needs: node.needs.length === 0 ? all : node.needs.map((id) => id + shift),
  }));
  return { nodes: [...first.nodes, ...later] };
}
