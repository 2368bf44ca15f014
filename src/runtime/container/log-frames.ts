/** What `GET /containers/{id}/logs` sends, taken apart. Pure. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** Epoch milliseconds, with the Engine's nanoseconds as its fraction as far as a double holds them. */
  readonly at: number;
  /** With its line end, where it has one: a long line comes in pieces of 16 KiB, each a frame with its own time. */
  readonly text: Uint8Array;
}

/**
 * Takes chunks of the log stream, in whatever pieces they come, and hands out timestamped lines or pieces of lines.
 * Without a TTY each piece has a header of 8 bytes: stream, three zero bytes, length (big endian).
 */
export class LogFrames {
  readonly #tty: boolean;
  readonly #emit: (line: LogLine) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(tty: boolean, emit: (line: LogLine) => void) {
    this.#tty = tty;
    this.#emit = emit;
  }

  push(chunk: Uint8Array): void {
    const data = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    this.#rest = data.subarray(this.#tty ? this.#takeLines(data) : this.#takeFrames(data));
  }

  #takeFrames(data: Buffer): number {
    let at = 0;
    while (data.length - at >= HEADER) {
      const end = at + HEADER + data.readUInt32BE(at + 4);
      if (end > data.length) break;
      this.#line(data[at] === STDERR ? 'stderr' : 'stdout', data.subarray(at + HEADER, end));
      at = end;
    }
    return at;
  }

  #takeLines(data: Buffer): number {
    let at = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      this.#line('stdout', data.subarray(at, end + 1));
      at = end + 1;
    }
    return at;
  }

  /** `2026-01-02T03:04:05.123456789Z text` */
  #line(stream: 'stdout' | 'stderr', frame: Buffer): void {
    const space = frame.indexOf(SPACE);
    const at = space < 0 ? Number.NaN : parseTime(frame.toString('latin1', 0, space));
    if (Number.isNaN(at)) this.#emit({ stream, at: 0, text: frame });
    else this.#emit({ stream, at, text: frame.subarray(space + 1) });
  }
}

/** Milliseconds with the fraction that `Date.parse` would cut off. */
export function parseTime(text: string): number {
  const match = /^(.*\d)\.(\d+)(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return Date.parse(text);
  return Date.parse(`${match[1]}${match[3]}`) + Number(`0.${match[2]}`) * 1000;
}

/** What `since` takes: seconds with nanoseconds. */
export function sinceText(at: number): string {
  const seconds = Math.floor(at / 1000);
  const nanoseconds = Math.floor((at - seconds * 1000) * 1e6);
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

const HEADER = 8;
const STDERR = 2;
const NEWLINE = 10;
const SPACE = 32;
