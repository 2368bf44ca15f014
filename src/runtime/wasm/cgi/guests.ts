import { Uplink } from '../uplink.ts';
import { importsOf } from '../wasi/linkage.ts';
import { CgiGuest } from './guest.ts';
import type { FromRunner, RunnerData, RunnerUsage, ToRunner } from './messages.ts';
import { Seats } from './seats.ts';

export type Post = (message: FromRunner, transfer?: ArrayBuffer[]) => void;

/** The guests of one thread, one for each request. Those that wait leave the thread to the others. */
export class CgiGuests {
  readonly #data: RunnerData;
  readonly #post: Post;
  readonly #claims: Int32Array;
  readonly #uplink: Uplink;
  readonly #seats: Seats;
  readonly #usesSockets: boolean;
  readonly #running = new Map<number, CgiGuest>();

  constructor(data: RunnerData, post: Post) {
    this.#data = data;
    this.#post = post;
    this.#claims = new Int32Array(data.claims);
    const { module, importedMemory } = data;
    this.#usesSockets = usesSockets(module) || data.connect.length > 0;
    this.#seats = new Seats({ module, importedMemory, hasOwnFunctions: this.#usesSockets });
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
        this.#post({ type: 'pong', usage: this.#usage() });
        return;
      case 'answer':
        this.#uplink.answer(message);
        return;
    }
  }

  #usage(): RunnerUsage {
    let memoryBytes = 0;
    let descriptors = 0;
    for (const guest of this.#running.values()) {
      memoryBytes += guest.memoryBytes;
      descriptors += guest.descriptors;
    }
    return { memoryBytes, descriptors };
  }

  async #run(message: Extract<ToRunner, { type: 'run' }>): Promise<void> {
    const { id, slot } = message;
    // It may have been given to another thread while this one computed.
    if (Atomics.compareExchange(this.#claims, slot, id, 0) !== id) return;
    if (message.isOpen) this.#post({ type: 'begun', id });
    const seat = this.#seats.take();
    const parts = { data: this.#data, post: this.#post, uplink: this.#uplink, seat, usesSockets: this.#usesSockets };
    const guest = new CgiGuest(parts, message);
    this.#running.set(id, guest);
    const exit = await guest.run();
    // One that ended otherwise may have been in the middle of a call.
    if (exit.how === 'code') this.#seats.giveBack(seat);
    this.#running.delete(id);
  }
}

function usesSockets(module: WebAssembly.Module): boolean {
  return importsOf(module).some(({ name }) => name.startsWith('sock_') || name === 'epoll_oneoff');
}
