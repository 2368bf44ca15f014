/** Which names an instance was given an address for. The last answers only: a guest may ask for names without end. */
export class Answers {
  readonly #names = new Map<string, Set<string>>();

  add(name: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const names = this.#names.get(address) ?? new Set();
      // Behind all others again.
      this.#names.delete(address);
      if (names.size < MAX_NAMES) names.add(name);
      this.#names.set(address, names);
    }
    for (const [oldest] of this.#names) {
      if (this.#names.size <= MAX_ADDRESSES) return;
      this.#names.delete(oldest);
    }
  }

  namesOf(address: string): readonly string[] {
    return [...(this.#names.get(address) ?? [])];
  }
}

const MAX_ADDRESSES = 1_024;
const MAX_NAMES = 32;
