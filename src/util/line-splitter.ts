/** A line without its end; `partial` when it was cut at the limit or not ended. */
export interface SplitLine {
  readonly text: string;
  readonly partial: boolean;
}

/** The longest line that is kept in one piece, in bytes. */
export const MAX_LINE_BYTES = 64 * 1024;

/**
 * Cuts a byte stream into lines. Works on bytes, so a character split over two chunks stays whole;
 * invalid UTF-8 becomes U+FFFD. Holds at most `limit` bytes.
 */
export class LineSplitter {
  readonly #emit: (line: SplitLine) => void;
  readonly #limit: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  constructor(emit: (line: SplitLine) => void, limit = MAX_LINE_BYTES) {
    this.#emit = emit;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.#keep(chunk.subarray(from, end));
      this.#end(false);
      from = end + 1;
    }
    // A copy: the caller may reuse the chunk's memory.
    if (from < chunk.length) this.#keep(new Uint8Array(chunk.subarray(from)));
  }

  /** Ends the line that is still open, if there is one. */
  flush(): void {
    if (this.#restBytes > 0) this.#end(true);
  }

  #keep(bytes: Uint8Array): void {
    let left = bytes;
    while (this.#restBytes + left.length > this.#limit) {
      const room = this.#limit - this.#restBytes;
      this.#rest.push(left.subarray(0, room));
      this.#restBytes += room;
      left = left.subarray(room);
      this.#end(true);
    }
    if (left.length === 0) return;
    this.#rest.push(left);
    this.#restBytes += left.length;
  }

  #end(partial: boolean): void {
    const [first] = this.#rest;
    const bytes = this.#rest.length === 1 && first !== undefined ? first : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    const end = !partial && bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    this.#emit({ text: decoder.decode(bytes.subarray(0, end)), partial });
  }
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const decoder = new TextDecoder();
