/** Ctrl-C and its relatives, counted. Process-wide listeners live here and in the supervisor's main only. */
export class Interrupts implements Disposable {
  #count = 0;
  #listener: ((count: number) => void) | undefined;
  #last: NodeJS.Signals | undefined;
  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.#last = name;
    this.#count++;
    this.#listener?.(this.#count);
  };

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, this.#onSignal);
  }

  get count(): number {
    return this.#count;
  }

  /** The newest. */
  get last(): NodeJS.Signals | undefined {
    return this.#last;
  }

  /** One listener at a time; an interrupt that came before it is told at once. */
  listen(listener: (count: number) => void): void {
    this.#listener = listener;
    if (this.#count > 0) listener(this.#count);
  }

  [Symbol.dispose](): void {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#onSignal);
  }
}
