import type { GuestBuffers } from '../wasi/guest-memory.ts';

/** Bytes that came from a socket and that the guest has not read yet. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  /** How much of the first chunk has been read. */
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The chunk belongs to the queue from now on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Moves as much as fits into the guest's buffers; returns how much that was. */
  take(into: GuestBuffers): number {
    let filled = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined && filled < into.length; chunk = this.#chunks[0]) {
      const n = into.fill(this.#taken === 0 ? chunk : chunk.subarray(this.#taken), filled);
      filled += n;
      this.#taken += n;
      if (this.#taken < chunk.length) break;
      this.#chunks.shift();
      this.#taken = 0;
    }
    this.#length -= filled;
    return filled;
  }

  /** As `take`, but the bytes stay. */
  peek(into: GuestBuffers): number {
    let filled = 0;
    let skip = this.#taken;
    for (const chunk of this.#chunks) {
      if (filled === into.length) break;
      filled += into.fill(chunk.subarray(skip), filled);
      skip = 0;
    }
    return filled;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#taken = 0;
    this.#length = 0;
  }
}
