/** Hands every event to all listeners of the moment; one that throws does not keep it from the others. */
export class Broadcast<T> {
  readonly #listeners = new Set<(event: T) => void>();

  subscribe(listener: (event: T) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  emit(event: T): void {
    for (const listener of Array.from(this.#listeners)) listener(event);
  }
}
