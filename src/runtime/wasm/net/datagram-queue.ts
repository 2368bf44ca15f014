import type { GuestBuffers } from '../wasi/guest-memory.ts';
import type { Datagram } from './datagram-frame.ts';

/** As much as a socket of Linux holds unread, more or less; what comes then is lost, as datagrams may be. */
const BYTES_LIMIT = 256 * 1024;
const COUNT_LIMIT = 1024;

/** Datagrams that the guest has not read yet. */
export class DatagramQueue {
  readonly #waiting: Datagram[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Size of the next one; -1: there is none. */
  get nextLength(): number {
    return this.#waiting[0]?.bytes.length ?? -1;
  }

  /** False: there was no room. The bytes belong to the queue from now on. */
  push(datagram: Datagram): boolean {
    const { length } = datagram.bytes;
    if (this.#waiting.length >= COUNT_LIMIT || this.#bytes + length > BYTES_LIMIT) return false;
    this.#waiting.push(datagram);
    this.#bytes += length;
    return true;
  }

  /** The next one, cut where the buffers end; `peek` leaves it. Undefined: there is none. */
  take(into: GuestBuffers, peek: boolean): { readonly filled: number; readonly datagram: Datagram } | undefined {
    const datagram = this.#waiting[0];
    if (datagram === undefined) return undefined;
    if (!peek) {
      this.#waiting.shift();
      this.#bytes -= datagram.bytes.length;
    }
    return { filled: into.fill(datagram.bytes, 0), datagram };
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#bytes = 0;
  }
}
