/**
 * A guest's linear memory. `memory.buffer` is replaced when the guest grows it, so views are derived anew
 * whenever the buffer changed; callers never keep one across a suspension.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  #buffer: ArrayBuffer | undefined;
  #view = new DataView(new ArrayBuffer(0));
  #bytes = new Uint8Array(0);

  /** Must be called before the first import of the guest runs. */
  bind(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#buffer = undefined;
  }

  get view(): DataView {
    if (this.#memory !== undefined && this.#memory.buffer !== this.#buffer) this.#derive(this.#memory.buffer);
    return this.#view;
  }

  get bytes(): Uint8Array {
    if (this.#memory !== undefined && this.#memory.buffer !== this.#buffer) this.#derive(this.#memory.buffer);
    return this.#bytes;
  }

  /** True when `[pointer, pointer + length)` lies inside the memory. */
  holds(pointer: number, length: number): boolean {
    return pointer >= 0 && length >= 0 && pointer + length <= this.bytes.length;
  }

  #derive(buffer: ArrayBuffer): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
  }
}

/** An iovec array of the guest, checked once: `count` pairs of {u32 pointer, u32 length} at `pointer`. */
export class GuestBuffers {
  readonly #memory: GuestMemory;
  readonly #pointer: number;
  readonly #count: number;
  /** Sum of the lengths, in bytes. */
  readonly length: number;

  /** Throws RangeError when the array or one of its buffers leaves the memory; the caller answers FAULT. */
  constructor(memory: GuestMemory, pointer: number, count: number) {
    this.#memory = memory;
    this.#pointer = pointer >>> 0;
    this.#count = count >>> 0;
    if (!memory.holds(this.#pointer, this.#count * 8)) throw new RangeError('iovec outside of memory');
    const view = memory.view;
    let length = 0;
    for (let i = 0; i < this.#count; i++) {
      const at = view.getUint32(this.#pointer + i * 8, true);
      const size = view.getUint32(this.#pointer + i * 8 + 4, true);
      if (!memory.holds(at, size)) throw new RangeError('iovec buffer outside of memory');
      length += size;
    }
    this.length = length;
  }

  /** Copies `source` into the buffers, beginning `offset` bytes into them; returns how many bytes fitted. */
  fill(source: Uint8Array, offset = 0): number {
    let taken = 0;
    for (const part of this.#parts(offset)) {
      if (taken === source.length) break;
      const n = Math.min(part.length, source.length - taken);
      part.set(n === source.length ? source : source.subarray(taken, taken + n));
      taken += n;
    }
    return taken;
  }

  /** A copy of the guest's bytes, at most `limit` of them: safe to keep. */
  gather(limit = this.length): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(Math.min(limit, this.length));
    let at = 0;
    for (const part of this.#parts(0)) {
      if (at === out.length) break;
      const n = Math.min(part.length, out.length - at);
      out.set(n === part.length ? part : part.subarray(0, n), at);
      at += n;
    }
    return out;
  }

  /** Views of the guest's buffers, for a system call that finishes at once. Never keep them. */
  *views(): Generator<Uint8Array> {
    yield* this.#parts(0);
  }

  *#parts(skip: number): Generator<Uint8Array> {
    let left = skip;
    for (let i = 0; i < this.#count; i++) {
      const view = this.#memory.view;
      const at = view.getUint32(this.#pointer + i * 8, true);
      const size = view.getUint32(this.#pointer + i * 8 + 4, true);
      if (left >= size) {
        left -= size;
        continue;
      }
      yield this.#memory.bytes.subarray(at + left, at + size);
      left = 0;
    }
  }
}
