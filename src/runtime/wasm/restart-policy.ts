import type { RestartPolicy } from '../../model/project.ts';
import { type ExitStatus, exitCode } from '../../model/state.ts';

/** What is known of an instance's former ends when it ends again. */
export interface RestartHistory {
  /** Ends in a row, each soon after its start. */
  readonly attempt: number;
  /** Restarts by the policy since the user started the instance. */
  readonly restarts: number;
}

export const NO_RESTARTS: RestartHistory = { attempt: 0, restarts: 0 };

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 60_000;
/** An instance that ran so long is not in a crash loop. */
const STEADY_MS = 10_000;

/**
 * The Engine's curve: 100 ms, doubling to a minute, from the beginning again after ten seconds up. Undefined: the
 * policy does not restart it.
 */
export function nextRestart(
  policy: RestartPolicy,
  exit: ExitStatus,
  history: RestartHistory,
  ranMs: number,
): { readonly delayMs: number; readonly history: RestartHistory } | undefined {
  if (!wants(policy, exit, history)) return undefined;
  const attempt = ranMs >= STEADY_MS ? 1 : history.attempt + 1;
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LAST_DELAY_MS);
  return { delayMs, history: { attempt, restarts: history.restarts + 1 } };
}

function wants(policy: RestartPolicy, exit: ExitStatus, history: RestartHistory): boolean {
  switch (policy.when) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return (
        exitCode(exit) !== 0 &&
        (policy.maxRetries === undefined || policy.maxRetries === 0 || history.restarts < policy.maxRetries)
      );
  }
}
