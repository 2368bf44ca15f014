import type { LogQuery } from './query.ts';

/** The beginning of every line we write; see `LogHub`. */
const HEAD = Buffer.from('{"seq":');
const ID = Buffer.from('"id":"');
const NEWLINE = 10;
const ZERO = 48;
const NINE = 57;
const QUOTE = 34;
const BRACE = 125;
const LAST_OF_TRUE = 101;
/** Between the number and the id there is only a time. */
const ID_WITHIN = 64;

/** Chooses lines of the store by their number and service, from their bytes: no line is parsed. */
export class LineSelection {
  readonly #services: ReadonlySet<string> | undefined;
  #last: number;

  constructor(query: LogQuery) {
    this.#services = query.services.length === 0 ? undefined : new Set(query.services);
    this.#last = query.after;
  }

  /** What is wanted of these whole lines, in pieces as large as possible: parts of `bytes`. */
  from(bytes: Buffer): readonly Buffer[] {
    const pieces: Buffer[] = [];
    let begin = -1;
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at);
      if (this.#wants(bytes, at, end)) {
        if (begin < 0) begin = at;
      } else if (begin >= 0) {
        pieces.push(bytes.subarray(begin, at));
        begin = -1;
      }
      at = end + 1;
    }
    if (begin >= 0) pieces.push(bytes.subarray(begin));
    return pieces;
  }

  /** Not a line that is no record: a crash may have cut it off. */
  #wants(bytes: Buffer, from: number, end: number): boolean {
    for (let i = 0; i < HEAD.length; i++) if (bytes[from + i] !== HEAD[i]) return false;
    const before = bytes[end - 2];
    if (bytes[end - 1] !== BRACE || (before !== QUOTE && before !== LAST_OF_TRUE)) return false;
    let seq = 0;
    let at = from + HEAD.length;
    for (let digit = bytes[at] ?? 0; digit >= ZERO && digit <= NINE; digit = bytes[++at] ?? 0) {
      seq = seq * 10 + digit - ZERO;
    }
    if (seq <= this.#last) return false;
    this.#last = seq;
    return this.#services === undefined || this.#services.has(serviceOf(bytes, at));
  }
}

function serviceOf(bytes: Buffer, from: number): string {
  const start = bytes.subarray(from, from + ID_WITHIN).indexOf(ID) + from + ID.length;
  const id = bytes.toString('latin1', start, bytes.indexOf(QUOTE, start));
  return id.slice(0, id.lastIndexOf('#'));
}
