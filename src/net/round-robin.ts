/** Lets each answer to the same question begin with the next of its values. */
export class RoundRobin {
  readonly #turns = new Map<string, number>();

  rotate<T>(question: string, values: readonly T[]): readonly T[] {
    if (values.length < 2) return values;
    const turn = this.#turns.get(question) ?? 0;
    // Guests choose the questions: forgetting all of them only starts anew.
    if (this.#turns.size > MAX_QUESTIONS) this.#turns.clear();
    this.#turns.set(question, turn + 1);
    const start = turn % values.length;
    return [...values.slice(start), ...values.slice(0, start)];
  }
}

const MAX_QUESTIONS = 1_024;
