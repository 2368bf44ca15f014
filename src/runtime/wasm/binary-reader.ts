/** The bytes are not a module in the binary format, or in a form of it that is not known here. */
export class BinaryFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BinaryFormatError';
  }
}

/** Reads the binary format of WebAssembly from the front. Every read throws BinaryFormatError past the end. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }

  byte(): number {
    if (this.at >= this.#end) throw new BinaryFormatError(`ends at byte ${this.#end}`);
    return this.#bytes[this.at++] ?? 0;
  }

  /** An unsigned LEB128 number; exact up to 2^53, which no limit reaches. */
  unsigned(): number {
    let result = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      result += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return result;
      if (scale > 2 ** 63) throw new BinaryFormatError(`number too long at byte ${this.at}`);
    }
  }

  /** Passes over a signed or unsigned LEB128 number. */
  skipNumber(): void {
    for (let i = 0; i < 10; i++) if ((this.byte() & 0x80) === 0) return;
    throw new BinaryFormatError(`number too long at byte ${this.at}`);
  }

  skip(count: number): void {
    if (this.at + count > this.#end) throw new BinaryFormatError(`ends at byte ${this.#end}`);
    this.at += count;
  }

  name(): string {
    const length = this.unsigned();
    const from = this.at;
    this.skip(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, length).toString('utf8');
  }

  /** A reader of the next `length` bytes, which this one passes over. */
  section(length: number): BinaryReader {
    const from = this.at;
    this.skip(length);
    return new BinaryReader(this.#bytes, from, this.at);
  }

  /** All that is left. */
  rest(): Uint8Array {
    const from = this.at;
    this.at = this.#end;
    return this.#bytes.subarray(from, this.#end);
  }

  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }
}

export function encodeUnsigned(value: number): readonly number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = left % 128;
    left = Math.floor(left / 128);
    bytes.push(left === 0 ? low : low | 0x80);
  } while (left !== 0);
  return bytes;
}
