import type { Ending } from '../control/protocol.ts';
import { Serial } from '../util/serial.ts';

/** What a request does to what runs; `look` changes nothing. */
export type RequestKind = 'start' | Ending | 'look';

/** Which requests a new one ends, running or waiting: nobody should wait for a service that is about to be stopped. */
const ENDS: Readonly<Record<RequestKind, readonly RequestKind[]>> = {
  start: [],
  look: [],
  stop: ['start'],
  down: ['start'],
  kill: ['start', 'stop'],
};

/** Runs requests one at a time in the order they came. */
export class RequestQueue {
  readonly #serial = new Serial();
  readonly #waiting = new Set<{ readonly kind: RequestKind }>();
  #current: { readonly kind: RequestKind; readonly end: AbortController } | undefined;

  /** Resolves when no request that may start something runs or waits. */
  async untilStarted(signal: AbortSignal): Promise<void> {
    while (
      !signal.aborted &&
      (this.#current?.kind === 'start' || [...this.#waiting].some(({ kind }) => kind === 'start'))
    )
      await this.#serial.run(async () => {});
  }

  /** The signal's reason is an `Overtaken` when a later request ended this one. */
  async run<T>(kind: RequestKind, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const current = this.#current;
    if (current !== undefined && ENDS[kind].includes(current.kind)) current.end.abort(new Overtaken(kind));
    const entry = { kind };
    this.#waiting.add(entry);
    return await this.#serial.run(async () => {
      this.#waiting.delete(entry);
      const end = new AbortController();
      // Those that wait came later than this one.
      const later = [...this.#waiting].find((one) => ENDS[one.kind].includes(kind));
      if (later !== undefined) end.abort(new Overtaken(later.kind));
      this.#current = { kind, end };
      try {
        return await task(end.signal);
      } finally {
        this.#current = undefined;
      }
    });
  }
}

/** Why a request was ended: a later one of this kind came. */
export class Overtaken extends Error {
  readonly by: Ending;

  constructor(by: RequestKind) {
    super(`ended by a later ${by}`);
    this.by = by === 'kill' || by === 'down' ? by : 'stop';
  }
}
