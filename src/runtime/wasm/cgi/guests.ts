import { Uplink } from '../uplink.ts';
import { CgiGuest } from './guest.ts';
import type { FromRunner, RunnerData, ToRunner } from './messages.ts';

export type Post = (message: FromRunner, transfer?: ArrayBuffer[]) => void;

/** The guests of one thread, one for each request. Those that wait leave the thread to the others. */
export class CgiGuests {
  readonly #data: RunnerData;
  readonly #post: Post;
  readonly #claims: Int32Array;
  readonly #uplink: Uplink;
  readonly #running = new Map<number, CgiGuest>();

  constructor(data: RunnerData, post: Post) {
    this.#data = data;
    this.#post = post;
    this.#claims = new Int32Array(data.claims);
    this.#uplink = new Uplink(
      (message) => {
        // A guest of a request cannot listen, so it has nothing else to tell.
        if (message.type === 'ask') post(message);
      },
      (text) => post({ type: 'log', text }),
    );
  }

  take(message: ToRunner): void {
    switch (message.type) {
      case 'run':
        void this.#run(message);
        return;
      case 'body':
        this.#running.get(message.id)?.body(message.chunk);
        return;
      case 'body-end':
        this.#running.get(message.id)?.endBody();
        return;
      case 'taken':
        this.#running.get(message.id)?.taken(message.bytes);
        return;
      case 'abort':
        this.#running.get(message.id)?.abort();
        return;
      case 'ping':
        this.#post({ type: 'pong' });
        return;
      case 'answer':
        this.#uplink.answer(message);
        return;
    }
  }

  async #run(message: Extract<ToRunner, { type: 'run' }>): Promise<void> {
    const { id, slot } = message;
    // It may have been given to another thread while this one computed.
    if (Atomics.compareExchange(this.#claims, slot, id, 0) !== id) return;
    const guest = new CgiGuest({ data: this.#data, post: this.#post, uplink: this.#uplink }, message);
    this.#running.set(id, guest);
    await guest.run();
    this.#running.delete(id);
  }
}
