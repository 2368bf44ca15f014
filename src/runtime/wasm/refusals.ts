import type { LogSink } from '../../logs/record.ts';

const QUIET_MS = 1_000;
const REASONS_LIMIT = 256;

/** Tells of refused connections in the instance's log, each reason once a second: a guest may retry in a loop. */
export class Refusals {
  readonly #logs: LogSink;
  readonly #lastAt = new Map<string, number>();

  constructor(logs: LogSink) {
    this.#logs = logs;
  }

  report(reason: string): void {
    const now = performance.now();
    const last = this.#lastAt.get(reason);
    if (last !== undefined && now - last < QUIET_MS) return;
    if (this.#lastAt.size >= REASONS_LIMIT) this.#lastAt.clear();
    this.#lastAt.set(reason, now);
    this.#logs.system(reason);
  }
}
