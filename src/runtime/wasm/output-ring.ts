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

  /** `call` makes the reader read. */
  constructor(ring: SharedArrayBuffer, call: () => void) {
    this.#control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#data = new Uint8Array(ring, CONTROL_BYTES);
    this.#call = call;
  }

  /** Blocks the thread while there is no room. */
  write(stream: OutputStreamName, chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length || from === 0; from += PIECE_BYTES) {
      this.#writePiece(STREAMS.indexOf(stream), chunk.subarray(from, from + PIECE_BYTES));
    }
  }

  /** How many clients wait for the guest's answer: the main thread reads it also while this thread computes. */
  set owed(count: number) {
    Atomics.store(this.#control, Control.OWED, count);
  }

  #writePiece(stream: number, piece: Uint8Array): void {
    const size = HEADER_BYTES + piece.length;
    this.#waitForRoom(size);
    const at = Atomics.load(this.#control, Control.WRITTEN) >>> 0;
    const header = Uint8Array.of(stream, piece.length, piece.length >>> 8, piece.length >>> 16, piece.length >>> 24);
    this.#put(at, header);
    this.#put(at + HEADER_BYTES, piece);
    Atomics.store(this.#control, Control.WRITTEN, (at + size) | 0);
    if (Atomics.exchange(this.#control, Control.CALLED, 1) === 0) this.#call();
  }

  #waitForRoom(size: number): void {
    const written = Atomics.load(this.#control, Control.WRITTEN);
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

  /** Hands over all that is in the ring, in the order it was written. The bytes are the receiver's. */
  drain(receive: (stream: OutputStreamName, bytes: Uint8Array) => void): void {
    // First: what is written from now on calls again.
    Atomics.store(this.#control, Control.CALLED, 0);
    let at = Atomics.load(this.#control, Control.READ) >>> 0;
    const end = Atomics.load(this.#control, Control.WRITTEN) >>> 0;
    while (at !== end) {
      const [stream = 0, a = 0, b = 0, c = 0, d = 0] = this.#take(at, HEADER_BYTES);
      const length = a | (b << 8) | (c << 16) | (d << 24);
      receive(STREAMS[stream] ?? 'stdout', this.#take(at + HEADER_BYTES, length));
      at = (at + HEADER_BYTES + length) >>> 0;
    }
    Atomics.store(this.#control, Control.READ, at | 0);
    Atomics.notify(this.#control, Control.READ);
  }

  #take(at: number, length: number): Uint8Array {
    const from = at % DATA_BYTES;
    const bytes = new Uint8Array(length);
    const fits = Math.min(length, DATA_BYTES - from);
    bytes.set(this.#data.subarray(from, from + fits));
    bytes.set(this.#data.subarray(0, length - fits), fits);
    return bytes;
  }
}
