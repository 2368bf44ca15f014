import type { SupervisorEvent } from '../control/protocol.ts';
import { formatError } from '../model/format-diagnostic.ts';
import { fromWireError } from '../model/diagnostic.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from './context.ts';
import type { ExitStatusCode } from './context.ts';
import type { Interrupts } from './interrupt.ts';
import { ProgressNews } from '../ui/plan-lines.ts';
import type { Output } from '../ui/output.ts';

export interface PlanResult {
  readonly ok: boolean;
  readonly nodes: number;
  /** It was not done to its end because of this. */
  readonly endedBy?: Extract<SupervisorEvent, { type: 'end' }>['endedBy'];
}

/** Prints the events of one request to stderr and returns how it ended. */
export async function followPlan(
  events: AsyncIterable<SupervisorEvent>,
  output: Output,
  hooks: {
    readonly onPlan?: (logSeq: number) => void;
    readonly printPlan?: boolean;
    /** Also what builds print. */
    readonly printOutput?: boolean;
  } = {},
): Promise<PlanResult> {
  let nodes = 0;
  const news = new ProgressNews(output, hooks.printOutput === true);
  for await (const event of events) {
    switch (event.type) {
      case 'plan':
        nodes = event.plan.nodes.length;
        if (hooks.printPlan === true) output.out(`${event.text || 'nothing to do'}\n`);
        hooks.onPlan?.(event.logSeq);
        break;
      case 'node':
      case 'output':
        output.err(news.text(event));
        break;
      case 'warning':
        output.err(`${output.style('yellow', 'Warning:')} ${event.message}\n`);
        break;
      case 'end':
        output.err(event.failures.map((failure) => `${formatError(fromWireError(failure))}\n`).join(''));
        return { ok: event.ok, nodes, endedBy: event.endedBy };
      case 'changed-volumes':
      case 'subscribed':
      case 'exited':
      case 'engine':
        break;
    }
  }
  return { ok: false, nodes };
}

/** Says so when something else than the user ended the command. */
export function tellEnding({ endedBy }: PlanResult, output: Output): void {
  if (endedBy === undefined) return;
  output.err(
    endedBy === 'shutdown'
      ? 'Not done to the end: the supervisor of the project was told to end.\n'
      : `Not done to the end: another command (${endedBy}) came in between.\n`,
  );
}

/** The exit status of a command that changed the project; `interrupted` is what the user is told after Ctrl-C. */
export function planStatus(
  result: PlanResult,
  { output, interrupts, interrupted }: { output: Output; interrupts: Interrupts; interrupted: string },
): ExitStatusCode {
  if (interrupts.count > 0) {
    output.err(`\n${interrupted}\n`);
    return EXIT_INTERRUPTED;
  }
  tellEnding(result, output);
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
