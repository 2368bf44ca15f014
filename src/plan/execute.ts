import type { Operation, Plan, PlanNode } from '../model/plan.ts';

export type NodeOutcome =
  | { readonly result: 'done'; readonly ms: number }
  | { readonly result: 'failed'; readonly error: unknown; readonly ms: number }
  | { readonly result: 'skipped'; readonly because: number }
  | { readonly result: 'cancelled' };

export interface ExecuteOptions {
  readonly run: (operation: Operation, signal: AbortSignal) => Promise<void>;
  readonly onNode: (node: PlanNode, outcome: NodeOutcome | { readonly result: 'running' }) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** How many operations of a class may run at once, e.g. 3 pulls, 8 engine calls. */
  readonly limit: (operation: Operation) => <T>(task: () => Promise<T>) => Promise<T>;
}

/**
 * Runs a plan and holds no opinion: no retries, no branching on operation kind.
 * A failed node skips what needs it; independent branches go on. Never throws.
 */
export async function executePlan(
  plan: Plan,
  options: ExecuteOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, NodeOutcome>> {
  const settled = new Map<number, Promise<NodeOutcome>>();
  for (const node of plan.nodes) {
    const needs = node.needs.map(async (id) => ({ id, outcome: await settled.get(id) }));
    settled.set(node.id, runNode(node, needs, options, signal));
  }
  const outcomes = new Map<number, NodeOutcome>();
  for (const [id, promise] of settled) outcomes.set(id, await promise);
  return outcomes;
}

type Need = Promise<{ readonly id: number; readonly outcome: NodeOutcome | undefined }>;

async function runNode(
  node: PlanNode,
  needs: readonly Need[],
  options: ExecuteOptions,
  signal: AbortSignal,
): Promise<NodeOutcome> {
  const report = (outcome: NodeOutcome): NodeOutcome => {
    options.onNode(node, outcome);
    return outcome;
  };
  const blocked = (await Promise.all(needs)).find((need) => need.outcome?.result !== 'done');
  if (signal.aborted) return report({ result: 'cancelled' });
  if (blocked !== undefined) return report({ result: 'skipped', because: blocked.id });
  return await options.limit(node.operation)(async () => {
    if (signal.aborted) return report({ result: 'cancelled' });
    const start = options.now();
    options.onNode(node, { result: 'running' });
    try {
      await options.run(node.operation, signal);
      return report({ result: 'done', ms: options.now() - start });
    } catch (error) {
      if (signal.aborted) return report({ result: 'cancelled' });
      return report({ result: 'failed', error, ms: options.now() - start });
    }
  });
}
