/** Passes a message on unless the same one was passed on a short while ago: guests may ask the same in a loop. */
export class RareNotices {
  readonly #onNotice: (message: string) => void;
  readonly #saidAt = new Map<string, number>();

  constructor(onNotice: (message: string) => void) {
    this.#onNotice = onNotice;
  }

  say(message: string): void {
    const now = performance.now();
    for (const [old, at] of this.#saidAt) {
      if (now - at > AGAIN_MS || this.#saidAt.size > MAX_MESSAGES) this.#saidAt.delete(old);
    }
    if (this.#saidAt.has(message)) return;
    this.#saidAt.set(message, now);
    this.#onNotice(message);
  }
}

const AGAIN_MS = 60_000;
const MAX_MESSAGES = 100;
