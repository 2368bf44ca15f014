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
const DATA_BYTES = 256 * 1024;
const HEADER_BYTES = 5;

export type OutputStreamName = 'stdout' | 'stderr' | 'system';
const STREAMS: readonly OutputStreamName[] = ['stdout', 'stderr', 'system'];

export function createRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + DATA_BYTES);
}

/** The guest's side. */
export class RingWriter {
  readonly #control: Int32Array;
  readonly #data: Uint8Array;
  readonly #call: () => void;
  /** As in the control block: this side alone changes it. */
  #written = 0;

  /** `call` makes the reader read. */
  constructor(ring: SharedArrayBuffer, call: () => void) {
    this.#control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#data = new Uint8Array(ring, CONTROL_BYTES);
    this.#call = call;
  }

  /** Blocks the thread while there is no room. */
  write(stream: OutputStreamName, chunk: Uint8Array): void {
    const number = STREAMS.indexOf(stream);
    if (chunk.length <= PIECE_BYTES) this.#writePiece(number, chunk);
    else {
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        this.#writePiece(number, chunk.subarray(from, from + PIECE_BYTES));
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
    this.#waitForRoom(at, size);
    for (let i = 0; i < HEADER_BYTES; i++) {
      this.#data[(at + i) % DATA_BYTES] = i === 0 ? stream : piece.length >>> ((i - 1) * 8);
    }
    this.#put(at + HEADER_BYTES, piece);
    this.#written = (at + size) >>> 0;
    Atomics.store(this.#control, Control.WRITTEN, this.#written | 0);
    if (Atomics.exchange(this.#control, Control.CALLED, 1) === 0) this.#call();
  }

  #waitForRoom(written: number, size: number): void {
    for (;;) {
      const read = Atomics.load(this.#control, Control.READ);
      if (((written - read) >>> 0) + size <= DATA_BYTES) return;
      Atomics.wait(this.#control, Control.READ, read);
    }
  }

  #put(at: number, bytes: Uint8Array): void {
    const from = at % DATA_BYTES;
    const fits = DATA_BYTES - from;
    if (bytes.length <= fits) this.#data.set(bytes, from);
    else {
      this.#data.set(bytes.subarray(0, fits), from);
      this.#data.set(bytes.subarray(fits), 0);
    }
  }
}

/** Smaller than the ring, so that a long write needs no empty ring. */
const PIECE_BYTES = 64 * 1024;

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
   * together, but never two lines of `system`. The bytes are the receiver's.
   */
  drain(receive: (stream: OutputStreamName, bytes: Uint8Array) => void): void {
    // First: what is written from now on calls again.
    Atomics.store(this.#control, Control.CALLED, 0);
    let at = Atomics.load(this.#control, Control.READ) >>> 0;
    const end = Atomics.load(this.#control, Control.WRITTEN) >>> 0;
    const all = new Uint8Array((end - at) >>> 0);
    let current = 0;
    let from = 0;
    let filled = 0;
    const hand = (): void => {
      if (filled > from) receive(STREAMS[current] ?? 'stdout', all.subarray(from, filled));
      from = filled;
    };
    while (at !== end) {
      const stream = this.#byte(at);
      const length = this.#length(at + 1);
      if (stream !== current || stream === SYSTEM) hand();
      current = stream;
      this.#copy(at + HEADER_BYTES, length, all, filled);
      filled += length;
      at = (at + HEADER_BYTES + length) >>> 0;
    }
    hand();
    Atomics.store(this.#control, Control.READ, at | 0);
    Atomics.notify(this.#control, Control.READ);
  }

  #byte(at: number): number {
    return this.#data[at % DATA_BYTES] ?? 0;
  }

  #length(at: number): number {
    return this.#byte(at) | (this.#byte(at + 1) << 8) | (this.#byte(at + 2) << 16) | (this.#byte(at + 3) << 24);
  }

  #copy(at: number, length: number, into: Uint8Array, to: number): void {
    const from = at % DATA_BYTES;
    const fits = Math.min(length, DATA_BYTES - from);
    into.set(this.#data.subarray(from, from + fits), to);
    if (fits < length) into.set(this.#data.subarray(0, length - fits), to + fits);
  }
}

const SYSTEM = STREAMS.indexOf('system');
