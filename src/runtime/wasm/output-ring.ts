/*
 * What a guest prints travels to the main thread through shared memory, whatever either thread is doing:
 *
 *     control -> | i32: written | i32: read | i32: 1 = the reader was called | i32: see `SharedState` |
 *     data    -> ring of | u8: stream | u32: length | bytes |
 *
 * `written` and `read` count bytes and wrap around at 2^32. A full ring makes the guest wait: a flood of lines never
 * grows memory, and never gets lost.
 */
const Control = { WRITTEN: 0, READ: 1, CALLED: 2, OWED: 3 } as const;
const CONTROL_BYTES = 16;
/** Powers of two, as the counters wrap around. */
const DATA_BYTES = { own: 256 * 1024, shared: 32 * 1024 } as const;
const HEADER_BYTES = 5;

export type OutputStreamName = 'stdout' | 'stderr' | 'system';
const STREAMS: readonly OutputStreamName[] = ['stdout', 'stderr', 'system'];

/** `shared`: of a guest that has its thread with many others, and is to take little memory. */
export function createRing(kind: keyof typeof DATA_BYTES = 'own'): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + DATA_BYTES[kind]);
}

/** The guest's side. */
export class RingWriter {
  readonly #control: Int32Array;
  readonly #data: Uint8Array;
  readonly #call: () => void;
  readonly #half: number;
  /** Smaller than the ring, so that a long write needs no empty ring. */
  readonly #pieceBytes: number;
  /** As in the control block: this side alone changes it. */
  #written = 0;

  /** `call` makes the reader read. */
  constructor(ring: SharedArrayBuffer, call: () => void) {
    this.#control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#data = new Uint8Array(ring, CONTROL_BYTES);
    this.#call = call;
    this.#half = this.#data.length / 2;
    this.#pieceBytes = this.#data.length / 4;
  }

  /** Blocks the thread while there is no room. */
  write(stream: OutputStreamName, chunk: Uint8Array): void {
    const number = STREAMS.indexOf(stream);
    if (chunk.length <= this.#pieceBytes) this.#writePiece(number, chunk);
    else {
      for (let from = 0; from < chunk.length; from += this.#pieceBytes) {
        this.#writePiece(number, chunk.subarray(from, from + this.#pieceBytes));
      }
    }
  }

  /** How many clients wait for the guest's answer: the main thread reads it also while this thread computes. */
  set owed(count: number) {
    Atomics.store(this.#control, Control.OWED, count);
  }

  #writePiece(stream: number, piece: Uint8Array): void {
    const size = HEADER_BYTES + piece.length;
    const at = this.#written;
    const filled = this.#waitForRoom(at, size);
    this.#putHeader(at % this.#data.length, stream, piece.length);
    this.#put(at + HEADER_BYTES, piece);
    this.#written = (at + size) >>> 0;
    Atomics.store(this.#control, Control.WRITTEN, this.#written | 0);
    const isRested = Atomics.exchange(this.#control, Control.CALLED, 1) === 0;
    // A reader that comes by itself may come too late for a flood.
    if (isRested || (filled < this.#half && filled + size >= this.#half)) this.#call();
  }

  #putHeader(at: number, stream: number, length: number): void {
    const data = this.#data;
    if (at + HEADER_BYTES <= data.length) {
      data[at] = stream;
      data[at + 1] = length;
      data[at + 2] = length >>> 8;
      data[at + 3] = length >>> 16;
      data[at + 4] = length >>> 24;
      return;
    }
    for (let i = 0; i < HEADER_BYTES; i++) {
      data[(at + i) % data.length] = i === 0 ? stream : length >>> ((i - 1) * 8);
    }
  }

  /** Returns how many bytes are in the ring. */
  #waitForRoom(written: number, size: number): number {
    for (;;) {
      const read = Atomics.load(this.#control, Control.READ);
      const filled = (written - read) >>> 0;
      if (filled + size <= this.#data.length) return filled;
      Atomics.wait(this.#control, Control.READ, read);
    }
  }

  #put(at: number, bytes: Uint8Array): void {
    const from = at % this.#data.length;
    const fits = this.#data.length - from;
    if (bytes.length <= fits) this.#data.set(bytes, from);
    else {
      this.#data.set(bytes.subarray(0, fits), from);
      this.#data.set(bytes.subarray(fits), 0);
    }
  }
}

/** The main thread's side. */
export class RingReader {
  readonly #control: Int32Array;
  readonly #data: Uint8Array;

  constructor(ring: SharedArrayBuffer) {
    this.#control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#data = new Uint8Array(ring, CONTROL_BYTES);
  }

  get owed(): number {
    return Atomics.load(this.#control, Control.OWED);
  }

  /**
   * Hands over all that is in the ring, in the order it was written; writes to one stream that follow each other come
   * together, but never two lines of `system`. The bytes are the receiver's. False when there was nothing.
   */
  drain(receive: (stream: OutputStreamName, bytes: Uint8Array) => void): boolean {
    const start = Atomics.load(this.#control, Control.READ) >>> 0;
    const end = Atomics.load(this.#control, Control.WRITTEN) >>> 0;
    if (start === end) return false;
    const all = this.#copy(start, (end - start) >>> 0);
    Atomics.store(this.#control, Control.READ, end | 0);
    Atomics.notify(this.#control, Control.READ);
    // What was written is moved together, over the headers between; a stream's bytes are handed over where another's begin.
    let current = 0;
    let from = 0;
    let filled = 0;
    const hand = (): void => {
      if (filled > from) receive(STREAMS[current] ?? 'stdout', all.subarray(from, filled));
      from = filled;
    };
    for (let at = 0; at < all.length;) {
      const stream = all[at] ?? 0;
      const length = lengthAt(all, at + 1);
      if (stream !== current || stream === SYSTEM) hand();
      current = stream;
      at += HEADER_BYTES;
      all.copyWithin(filled, at, at + length);
      filled += length;
      at += length;
    }
    hand();
    return true;
  }

  /** The next write calls again. Read once more after this: it may have come before. */
  rest(): void {
    Atomics.store(this.#control, Control.CALLED, 0);
  }

  #copy(at: number, length: number): Uint8Array {
    const all = new Uint8Array(length);
    const from = at % this.#data.length;
    const fits = Math.min(length, this.#data.length - from);
    all.set(this.#data.subarray(from, from + fits));
    if (fits < length) all.set(this.#data.subarray(0, length - fits), fits);
    return all;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

const SYSTEM = STREAMS.indexOf('system');
