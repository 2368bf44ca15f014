/*
 * What the supervisor and a guest's process say to each other, both ways on one socket:
 *
 *     | u8: kind | u32: length | payload |
 *
 *     MESSAGE  to the process: a value as V8 serialises it; from the process, which is not trusted: JSON
 *     STDOUT, STDERR, SYSTEM  from the process: what the guest printed, lines of its log
 */
export const FrameKind = { MESSAGE: 0, STDOUT: 1, STDERR: 2, SYSTEM: 3 } as const;

const HEADER_BYTES = 5;

export function encodeFrame(kind: number, payload: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = kind;
  header.writeUInt32LE(payload.length, 1);
  return [header, payload];
}

/** The other side does not keep to the rules. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

/** Puts frames together from the pieces they come in. Throws FrameError for one that is longer than the limit. */
export class FrameReader {
  readonly #limitBytes: number;
  readonly #receive: (kind: number, payload: Buffer) => void;
  readonly #pieces: Buffer[] = [];
  #gathered = 0;

  /** The payload is the receiver's. */
  constructor(limitBytes: number, receive: (kind: number, payload: Buffer) => void) {
    this.#limitBytes = limitBytes;
    this.#receive = receive;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#gathered += piece.length;
    for (;;) {
      const needed = this.#needed();
      if (this.#gathered < needed) return;
      const frame = this.#join();
      if (needed === HEADER_BYTES && frame.readUInt32LE(1) > 0) continue;
      this.#receive(frame[0] ?? 0, Buffer.from(frame.subarray(HEADER_BYTES, needed)));
      this.#gathered = frame.length - needed;
      this.#pieces.length = 0;
      if (this.#gathered > 0) this.#pieces.push(frame.subarray(needed));
    }
  }

  /** How many bytes the frame that is being read has, as far as that is known. */
  #needed(): number {
    const [first] = this.#pieces;
    if (first === undefined || first.length < HEADER_BYTES) return HEADER_BYTES;
    const length = first.readUInt32LE(1);
    if (length > this.#limitBytes) throw new FrameError(`a message of ${length} bytes`);
    return HEADER_BYTES + length;
  }

  #join(): Buffer {
    if (this.#pieces.length > 1) this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces));
    return this.#pieces[0] ?? Buffer.alloc(0);
  }
}
