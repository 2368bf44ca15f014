const NOTHING = new ArrayBuffer(0);

/**
 * A guest's linear memory. `memory.buffer` is replaced when the guest grows it, so views are derived anew
 * whenever the buffer changed; callers never keep one across a suspension.
 */
export class GuestMemory {
  #memory: { readonly buffer: ArrayBuffer } | undefined;
  #view = new DataView(NOTHING);
  #bytes = new Uint8Array(NOTHING);
  #buffer = Buffer.from(NOTHING);
  #isShared = false;

  /** Must be called before the first import of the guest runs. */
  bind(memory: { readonly buffer: ArrayBuffer }): void {
    this.#memory = memory;
    this.#derive();
  }

  /** The guest has ended: what still has this to read or write finds nothing, as the memory may be another's. */
  release(): void {
    this.#memory = undefined;
    this.#view = new DataView(NOTHING);
    this.#bytes = new Uint8Array(NOTHING);
    this.#buffer = Buffer.from(NOTHING);
  }

  get view(): DataView {
    if (this.#isStale) this.#derive();
    return this.#view;
  }

  get bytes(): Uint8Array {
    if (this.#isStale) this.#derive();
    return this.#bytes;
  }

  /** The bytes as a Buffer: its `copy` makes no view, which costs more than to copy a line. */
  get buffer(): Buffer {
    if (this.#isStale) this.#derive();
    return this.#buffer;
  }

  /** True when `[pointer, pointer + length)` lies inside the memory. */
  holds(pointer: number, length: number): boolean {
    return pointer >= 0 && length >= 0 && pointer + length <= this.bytes.length;
  }

  /** To ask a memory for its buffer costs more than most calls do; but one that has grown has emptied its views. */
  get #isStale(): boolean {
    return this.#bytes.length === 0 || (this.#isShared && this.#memory?.buffer !== this.#bytes.buffer);
  }

  #derive(): void {
    if (this.#memory === undefined) return;
    const { buffer } = this.#memory;
    this.#isShared = !(buffer instanceof ArrayBuffer);
    this.#view = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#buffer = Buffer.from(buffer);
  }
}

/** Buffers of the guest: an iovec array, read and checked once. */
export class GuestBuffers {
  readonly #memory: GuestMemory;
  /** Address and size of each buffer. A copy: what is read into a buffer may lie on the array itself. */
  #parts: readonly Part[];
  #length = 0;

  /**
   * `count` pairs of {u32 address, u32 size} at `pointer`. Throws RangeError when the array or one of its buffers leaves
   * the memory; the caller answers FAULT.
   */
  constructor(memory: GuestMemory, pointer: number, count: number) {
    if (!memory.holds(pointer, count * 8)) throw new RangeError('iovec outside of memory');
    const { view } = memory;
    const parts: Part[] = [];
    for (let i = 0; i < count; i++) {
      const at = view.getUint32(pointer + i * 8, true);
      const size = view.getUint32(pointer + i * 8 + 4, true);
      if (!memory.holds(at, size)) throw new RangeError('iovec buffer outside of memory');
      // C libraries often pass an empty buffer first; without it, one system call needs no vector.
      if (size > 0) parts.push({ at, size });
      this.#length += size;
    }
    this.#memory = memory;
    this.#parts = parts;
  }

  /** Buffers that are not a guest's but the host's own. */
  static over(bytes: Uint8Array<ArrayBuffer>): GuestBuffers {
    const memory = new GuestMemory();
    memory.bind(bytes);
    const buffers = new GuestBuffers(memory, 0, 0);
    buffers.#parts = [{ at: bytes.byteOffset, size: bytes.length }];
    buffers.#length = bytes.length;
    return buffers;
  }

  /** Sum of the sizes, in bytes. The guest may name the same memory twice: it can be more than the memory has. */
  get length(): number {
    return this.#length;
  }

  /** The buffers without their first `offset` bytes. */
  from(offset: number): GuestBuffers {
    const parts: Part[] = [];
    let skip = offset;
    for (const { at, size } of this.#parts) {
      if (skip < size) parts.push({ at: at + skip, size: size - skip });
      skip = Math.max(skip - size, 0);
    }
    const rest = new GuestBuffers(this.#memory, 0, 0);
    rest.#parts = parts;
    rest.#length = Math.max(this.#length - offset, 0);
    return rest;
  }

  /** Copies `source` into the buffers, beginning `offset` bytes into them; returns how many bytes fitted. */
  fill(source: Uint8Array, offset = 0): number {
    const { bytes } = this.#memory;
    let skip = offset;
    let taken = 0;
    for (const { at, size } of this.#parts) {
      if (taken === source.length) break;
      const n = Math.min(size - skip, source.length - taken);
      if (n > 0) {
        bytes.set(n === source.length ? source : source.subarray(taken, taken + n), at + skip);
        taken += n;
      }
      skip = Math.max(skip - size, 0);
    }
    return taken;
  }

  /** Copies `source` from `start` to `end` into the buffers; returns how many bytes fitted. Makes no views. */
  fillFrom(source: Buffer, start: number, end: number): number {
    const { bytes } = this.#memory;
    let from = start;
    for (const { at, size } of this.#parts) {
      if (from === end) break;
      const n = Math.min(size, end - from);
      source.copy(bytes, at, from, from + n);
      from += n;
    }
    return from - start;
  }

  /** A copy of the guest's bytes, at most `limit` of them: safe to keep. */
  gather(limit = this.length): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#memory;
    const length = Math.min(limit, this.length);
    // Small ones share memory: to allocate some for each is most of what a printed line costs.
    const out = length < POOLED_BYTES ? Buffer.allocUnsafe(length) : new Uint8Array(length);
    let filled = 0;
    for (const { at, size } of this.#parts) {
      if (filled === length) break;
      filled += buffer.copy(out, filled, at, at + Math.min(size, length - filled));
    }
    return out;
  }

  /** Where all of them are in the memory, when they are one piece; a call that finishes at once needs no view then. */
  get onlyPiece(): { readonly bytes: Uint8Array; readonly at: number } | undefined {
    const only = this.#parts[0];
    return only === undefined || this.#parts.length > 1 ? undefined : { bytes: this.#memory.bytes, at: only.at };
  }

  /** Views of the guest's buffers, none of them empty and at most `limit` bytes, for a call that finishes at once. */
  views(limit: number): readonly Uint8Array[] {
    const { bytes } = this.#memory;
    const views: Uint8Array[] = [];
    let left = limit;
    for (const { at, size } of this.#parts) {
      if (left <= 0) break;
      views.push(bytes.subarray(at, at + Math.min(size, left)));
      left -= size;
    }
    return views;
  }
}

const POOLED_BYTES = 4096;

interface Part {
  readonly at: number;
  readonly size: number;
}
