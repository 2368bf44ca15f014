/** What `GET /containers/{id}/logs?timestamps=1` sends, taken apart. Pure. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly time: LogTime;
  /** With its line end, where it has one: a long line comes in pieces of 16 KiB, each with a time of its own. */
  readonly text: Uint8Array;
}

/** The Engine's time to the nanosecond, which a number of milliseconds cannot hold. */
export interface LogTime {
  readonly seconds: number;
  readonly nanos: number;
}

export interface LogFramesOptions {
  readonly tty: boolean;
  readonly line: (line: LogLine) => void;
  /** The Engine's own words in the stream: that it cannot read on. */
  readonly trouble: (text: string) => void;
}

/**
 * Takes chunks of the log stream, in whatever pieces they come, and hands out timestamped lines or pieces of lines.
 *
 *     without TTY   per piece a header of 8 bytes: stream, three zero bytes, length (big endian)
 *     with TTY      no headers; the pieces of a long line follow each other without a line end
 */
export class LogFrames {
  readonly #options: LogFramesOptions;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: LogFramesOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    const data = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    this.#rest = data.subarray(this.#options.tty ? this.#takeLines(data) : this.#takeFrames(data));
  }

  /** The stream has ended as it should: what is left is a last line without an end. */
  end(): void {
    if (this.#options.tty && this.#rest.length > 0) this.#pieces(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  #takeFrames(data: Buffer): number {
    let at = 0;
    while (data.length - at >= HEADER) {
      const end = at + HEADER + data.readUInt32BE(at + 4);
      if (end > data.length) break;
      const payload = data.subarray(at + HEADER, end);
      if (data[at] === SYSTEM_ERROR) this.#options.trouble(payload.toString('utf8').trim());
      else this.#line(data[at] === STDERR ? 'stderr' : 'stdout', payload);
      at = end;
    }
    return at;
  }

  #takeLines(data: Buffer): number {
    let at = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      this.#pieces(data.subarray(at, end + 1));
      at = end + 1;
    }
    return at;
  }

  #pieces(line: Buffer): void {
    let left = line;
    for (;;) {
      const next = left.indexOf(SPACE) + 1 + PIECE;
      if (left.length <= next || !TIME_AT_START.test(left.toString('latin1', next, next + TIME_LENGTH))) break;
      this.#line('stdout', left.subarray(0, next));
      left = left.subarray(next);
    }
    this.#line('stdout', left);
  }

  /** `2026-01-02T03:04:05.123456789Z text` */
  #line(stream: 'stdout' | 'stderr', piece: Buffer): void {
    const space = piece.indexOf(SPACE);
    const time = parseTime(piece.toString('latin1', 0, Math.max(0, space)));
    if (time === undefined) this.#options.trouble(piece.toString('utf8').trim());
    else this.#options.line({ stream, time, text: piece.subarray(space + 1) });
  }
}

/** Undefined when the text is no time. */
export function parseTime(text: string): LogTime | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, toSecond = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(toSecond + zone);
  if (Number.isNaN(ms)) return undefined;
  return { seconds: ms / 1000, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}

/** Epoch milliseconds, with the nanoseconds as their fraction as far as a double holds them. */
export function toMs(time: LogTime): number {
  return time.seconds * 1000 + time.nanos / 1e6;
}

/** What `since` takes: seconds with nanoseconds. */
export function sinceText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.floor((ms - seconds * 1000) * 1e6);
  return `${seconds}.${String(nanos).padStart(9, '0')}`;
}

/** Negative when `a` is earlier. */
export function compareTimes(a: LogTime, b: LogTime): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

const HEADER = 8;
const STDERR = 2;
const SYSTEM_ERROR = 3;
const NEWLINE = 10;
const SPACE = 32;
/** The Engine cuts a line into pieces of this many bytes. */
const PIECE = 16 * 1024;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;
const TIME_AT_START = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;
const TIME_LENGTH = '2026-01-02T03:04:05.123456789Z '.length;
