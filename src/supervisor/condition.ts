import type { AwaitCondition } from '../model/plan.ts';
import { exitCode } from '../model/state.ts';
import type { ExitStatus, Health, InstanceState } from '../model/state.ts';

export type Verdict =
  | { readonly is: 'met' }
  | { readonly is: 'waiting' }
  | { readonly is: 'failed'; readonly reason: string };

/** Does an instance in this state meet the condition, can it still, or never? Pure. */
export function evaluate(state: InstanceState | undefined, condition: AwaitCondition): Verdict {
  if (state === undefined) return failed('is gone');
  switch (state.at) {
    case 'created':
    case 'stopping':
      return WAITING;
    case 'running':
      return running(state.health, condition);
    case 'backoff':
      if (condition === 'started') return MET;
      return state.attempt >= MAX_ATTEMPTS ? failed(`keeps restarting (${describeExit(state.exit)})`) : WAITING;
    case 'exited':
      return exited(state.exit, condition);
  }
}

export function describeExit(exit: ExitStatus): string {
  switch (exit.how) {
    case 'code':
      return `exited with code ${exit.code}`;
    case 'trap':
      return `trapped: ${exit.message}`;
    case 'killed':
      return 'exited with code 137 (killed)';
    case 'lost':
      return `was lost: ${exit.reason}`;
  }
}

function running(health: Health, condition: AwaitCondition): Verdict {
  switch (condition) {
    case 'started':
      return MET;
    case 'completed':
      return WAITING;
    case 'healthy':
      if (health === 'none') return failed('has no healthcheck');
      break;
    case 'ready':
      if (health === 'none') return MET;
      break;
  }
  if (health === 'healthy') return MET;
  return health === 'unhealthy' ? failed('is unhealthy') : WAITING;
}

function exited(exit: ExitStatus, condition: AwaitCondition): Verdict {
  if (condition === 'started') return MET;
  const succeeded = exitCode(exit) === 0;
  if (succeeded && (condition === 'completed' || condition === 'ready')) return MET;
  return failed(describeExit(exit));
}

function failed(reason: string): Verdict {
  return { is: 'failed', reason };
}

const MET: Verdict = { is: 'met' };
const WAITING: Verdict = { is: 'waiting' };
/** A crash loop of so many rounds is no longer on its way to being ready. */
const MAX_ATTEMPTS = 5;
