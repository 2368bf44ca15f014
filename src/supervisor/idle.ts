import { setTimeout as delay } from 'node:timers/promises';

export interface IdleOptions {
  /** Nothing runs that needs this process, and nobody talks to it. */
  readonly isIdle: () => boolean;
  readonly pollMs: number;
  /** How many looks in a row must find it idle. */
  readonly looks: () => number;
}

/** Resolves when the process has been without a task for a while, or the signal ends. */
export async function untilIdle(options: IdleOptions, signal: AbortSignal): Promise<void> {
  let found = 0;
  while (!signal.aborted && found < options.looks()) {
    try {
      await delay(options.pollMs, undefined, { signal, ref: false });
    } catch {
      // AbortError: the process ends for another reason.
      return;
    }
    found = options.isIdle() ? found + 1 : 0;
  }
}
