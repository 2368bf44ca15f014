/**
 * Ctrl-C and its relatives, counted from the moment somebody listens; before that they end the process as they do any
 * other. Process-wide listeners live here and in the supervisor's main only.
 */
export class Interrupts implements Disposable {
  #count = 0;
  #listener: ((count: number) => void) | undefined;
  #last: NodeJS.Signals | undefined;
  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.#last = name;
    this.#count++;
    this.#listener?.(this.#count);
  };

  get count(): number {
    return this.#count;
  }

  /** The newest. */
  get last(): NodeJS.Signals | undefined {
    return this.#last;
  }

  /** One listener at a time. */
  listen(listener: (count: number) => void): void {
    if (this.#listener === undefined) for (const name of SIGNALS) process.on(name, this.#onSignal);
    this.#listener = listener;
  }

  /** Ends with the first interrupt, or with `signal`. */
  until(signal: AbortSignal): AbortSignal {
    const interrupted = new AbortController();
    this.listen(() => interrupted.abort());
    return AbortSignal.any([signal, interrupted.signal]);
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
