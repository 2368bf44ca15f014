/** Hands out the smallest whole numbers that nobody has. */
export class FreeNumbers {
  readonly #taken = new Set<number>();
  /** No number below this one is free. */
  #lowest = 0;

  take(): number {
    let number = this.#lowest;
    while (this.#taken.has(number)) number++;
    this.#taken.add(number);
    this.#lowest = number + 1;
    return number;
  }

  give(number: number): void {
    this.#taken.delete(number);
    this.#lowest = Math.min(this.#lowest, number);
  }
}
