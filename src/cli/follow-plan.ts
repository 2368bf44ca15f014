import type { SupervisorEvent } from '../control/protocol.ts';
import { formatError } from '../model/format-diagnostic.ts';
import { fromWireError } from '../model/diagnostic.ts';
import { planLine } from '../ui/plan-lines.ts';
import type { Output } from '../ui/output.ts';

export interface PlanResult {
  readonly ok: boolean;
  readonly nodes: number;
}

/** Prints the events of one request to stderr and returns how it ended. */
export async function followPlan(
  events: AsyncIterable<SupervisorEvent>,
  output: Output,
  hooks: { readonly onPlan?: (logSeq: number) => void; readonly printPlan?: boolean } = {},
): Promise<PlanResult> {
  let nodes = 0;
  for await (const event of events) {
    switch (event.type) {
      case 'plan':
        nodes = event.plan.nodes.length;
        if (hooks.printPlan === true) output.out(event.text === '' ? 'nothing to do\n' : `${event.text}\n`);
        hooks.onPlan?.(event.logSeq);
        break;
      case 'node': {
        const line = planLine(event.node, output);
        if (line !== undefined) output.err(line);
        break;
      }
      case 'warning':
        output.err(`${output.style('yellow', 'Warning:')} ${event.message}\n`);
        break;
      case 'end':
        for (const failure of event.failures) output.err(`${formatError(fromWireError(failure))}\n`);
        return { ok: event.ok, nodes };
      case 'subscribed':
      case 'exited':
      case 'engine':
        break;
    }
  }
  return { ok: false, nodes };
}
