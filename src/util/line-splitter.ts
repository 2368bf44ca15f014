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
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = this.#restBytes > 0 ? this.#finishRest(bytes) : 0;
    for (;;) {
      // As many whole lines as are surely within the limit are cut together; one that may not be, alone.
      const last = bytes.lastIndexOf(NEWLINE, Math.min(from + this.#limit, bytes.length - 1));
      const end = last >= from ? last : bytes.indexOf(NEWLINE, from);
      if (end < 0) break;
      if (last >= from) this.#emitLines(bytes, from, end + 1);
      else {
        this.#keep(bytes.subarray(from, end));
        this.#end(false);
      }
      from = end + 1;
    }
    // A copy: the caller may reuse the chunk's memory.
    if (from < bytes.length) this.#keep(new Uint8Array(bytes.subarray(from)));
  }

  /** Ends the line that is still open, if there is one. */
  flush(): void {
    if (this.#restBytes > 0) this.#end(true);
  }

  /** Ends the line that is open, if the chunk does; returns where the next one begins. */
  #finishRest(bytes: Buffer): number {
    const end = bytes.indexOf(NEWLINE);
    if (end < 0) return 0;
    this.#keep(bytes.subarray(0, end));
    this.#end(false);
    return end + 1;
  }

  /** Whole lines are decoded together: no newline is a part of another character. */
  #emitLines(bytes: Buffer, from: number, to: number): void {
    const text = decode(bytes, from, to);
    for (let at = 0; at < text.length;) {
      const end = text.indexOf('\n', at);
      const isCarriage = end > at && text.charCodeAt(end - 1) === CARRIAGE_RETURN;
      this.#emit({ text: text.slice(at, isCarriage ? end - 1 : end), partial: false });
      at = end + 1;
    }
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
    this.#emit({ text: decode(Buffer.from(bytes.buffer, bytes.byteOffset, end), 0, end), partial });
  }
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Invalid UTF-8 becomes U+FFFD. A byte order mark is a character like any other. */
function decode(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, to);
}
