/** Runs tasks one at a time in the order they came; a task that throws does not stop the next. */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  async run<T>(task: () => Promise<T>): Promise<T> {
    const previous = this.#tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tail = promise;
    await previous;
    try {
      return await task();
    } finally {
      resolve();
    }
  }
}
