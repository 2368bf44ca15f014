import { LineSelection } from './line-selection.ts';
import { matches, tailPerInstance } from './query.ts';
import type { LogQuery } from './query.ts';
import type { LogRecord } from './record.ts';
import { listSegments, SegmentReader } from './segments.ts';
import type { Segment } from './segments.ts';

/**
 * Reads the log of a project from its directory, whoever writes it. History first; then, when the query follows,
 * what is written from then on: `changed` resolves when there may be more. A slow reader costs the writer nothing,
 * because it reads files; when the segment it would read next was dropped meanwhile, it goes on with the oldest.
 */
export async function* readStore(
  dir: string,
  query: LogQuery,
  changed: (() => Promise<void>) | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  for await (const part of readParts(dir, query, changed, signal)) {
    const records = part instanceof Uint8Array ? recordsIn(part, query) : part;
    if (records.length > 0) yield records;
  }
}

/**
 * As `readStore`, but what needs no record is handed on as it is in the file: whole lines of NDJSON, each a record. To
 * read and write JSON for each line would cost more than all else that is done for it.
 */
export async function* readParts(
  dir: string,
  query: LogQuery,
  changed: (() => Promise<void>) | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[] | Uint8Array> {
  const segments = listSegments(dir);
  const start = segments.findLastIndex((segment) => segment.first <= query.after + 1);
  using cursor = new Cursor(dir, segments[Math.max(start, 0)]);
  const select = new LineSelection(query);
  let history: LogRecord[] | undefined = query.tail === undefined ? undefined : [];
  while (!signal.aborted) {
    const bytes = cursor.read();
    if (bytes === undefined) {
      if (history !== undefined) {
        const tail = tailPerInstance(history, query.tail ?? 0);
        history = undefined;
        if (tail.length > 0) yield tail;
        continue;
      }
      if (!query.follow || changed === undefined) return;
      // Nothing can be written between the read above and this call: both run in one turn of the event loop.
      await changed();
      continue;
    }
    for (const part of select.from(bytes)) {
      if (history === undefined) yield part;
      else history = trimmed([...history, ...recordsIn(part, query)], query.tail ?? 0);
    }
  }
}

/** A line that cannot be read is passed over. */
function recordsIn(lines: Uint8Array, query: LogQuery): readonly LogRecord[] {
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString('utf8', 0, lines.length - 1);
  return text
    .split('\n')
    .flatMap(parseRecord)
    .filter((record) => matches(record, query));
}

/** Bounds what a tail keeps while it reads a long history. */
function trimmed(history: LogRecord[], tail: number): LogRecord[] {
  return history.length < TRIM_AT ? history : [...tailPerInstance(history, tail)];
}

const TRIM_AT = 20_000;

/** A place in the sequence of segments. */
class Cursor implements Disposable {
  readonly #dir: string;
  #reader: SegmentReader | undefined;

  constructor(dir: string, segment: Segment | undefined) {
    this.#dir = dir;
    this.#reader = segment === undefined ? undefined : open(segment);
  }

  /** Whole lines; undefined at the present end of the log. */
  read(): Buffer | undefined {
    const lines = this.#reader?.readBytes();
    if (lines !== undefined) return lines;
    const at = this.#reader?.first ?? 0;
    const next = listSegments(this.#dir).find((segment) => segment.first > at);
    if (next === undefined) return undefined;
    // The writer may have added to the old segment between our read and its turning to the new one.
    const rest = this.#reader?.readBytes();
    if (rest !== undefined) return rest;
    this.#reader?.[Symbol.dispose]();
    this.#reader = open(next);
    return this.#reader?.readBytes();
  }

  [Symbol.dispose](): void {
    this.#reader?.[Symbol.dispose]();
  }
}

/** Undefined when the writer dropped the segment just now. */
function open(segment: Segment): SegmentReader | undefined {
  try {
    return new SegmentReader(segment);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A line that cannot be read (a crash in the middle of a write) is passed over. */
function parseRecord(line: string): readonly LogRecord[] {
  try {
    return [JSON.parse(line) as LogRecord];
  } catch {
    return [];
  }
}
