import type { GuestBuffers } from '../wasi/guest-memory.ts';

/** What an empty queue may keep for the next bytes: enough for a request, little for thousands of idle connections. */
const KEEP_BYTES = 4096;
const LEAST_BYTES = 512;

const EMPTY = Buffer.alloc(0);

/** Bytes that came from a socket and that the guest has not read yet, in one piece of memory. */
export class ByteQueue {
  #memory: Buffer = EMPTY;
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /** Copies the first `length` bytes. */
  push(bytes: Buffer, length = bytes.length): void {
    if (this.#to + length > this.#memory.length) this.#makeRoom(length);
    bytes.copy(this.#memory, this.#to, 0, length);
    this.#to += length;
  }

  /** Moves as much as fits into the guest's buffers; returns how much that was. */
  take(into: GuestBuffers): number {
    const filled = into.fillFrom(this.#memory, this.#from, this.#to);
    this.#from += filled;
    if (this.#from < this.#to) return filled;
    this.#from = 0;
    this.#to = 0;
    if (this.#memory.length > KEEP_BYTES) this.#memory = EMPTY;
    return filled;
  }

  /** As `take`, but the bytes stay. */
  peek(into: GuestBuffers): number {
    return into.fillFrom(this.#memory, this.#from, this.#to);
  }

  clear(): void {
    this.#memory = EMPTY;
    this.#from = 0;
    this.#to = 0;
  }

  #makeRoom(length: number): void {
    const needed = this.length + length;
    // Twice what is needed: as long as the guest does not read, each byte moves once on the average.
    const memory = needed <= this.#memory.length / 2 ? this.#memory : Buffer.allocUnsafeSlow(sizeFor(needed));
    this.#memory.copy(memory, 0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    this.#memory = memory;
  }
}

function sizeFor(needed: number): number {
  return Math.max(2 ** Math.ceil(Math.log2(needed)), LEAST_BYTES);
}
