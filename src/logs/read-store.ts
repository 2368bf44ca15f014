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
  let last = query.after;
  const segments = listSegments(dir);
  const start = segments.findLastIndex((segment) => segment.first <= query.after + 1);
  using cursor = new Cursor(dir, segments[Math.max(start, 0)]);
  let history: LogRecord[] | undefined = query.tail === undefined ? undefined : [];
  while (!signal.aborted) {
    const lines = cursor.read();
    if (lines === undefined) {
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
    const records = lines.flatMap(parseRecord).filter((record) => record.seq > last && matches(record, query));
    last = records.at(-1)?.seq ?? last;
    if (records.length === 0) continue;
    if (history === undefined) yield records;
    else history = trimmed([...history, ...records], query.tail ?? 0);
  }
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

  /** Undefined at the present end of the log. */
  read(): readonly string[] | undefined {
    const lines = this.#reader?.read() ?? [];
    if (lines.length > 0) return lines;
    const at = this.#reader?.first ?? 0;
    const next = listSegments(this.#dir).find((segment) => segment.first > at);
    if (next === undefined) return undefined;
    // The writer may have added to the old segment between our read and its turning to the new one.
    const rest = this.#reader?.read() ?? [];
    if (rest.length > 0) return rest;
    this.#reader?.[Symbol.dispose]();
    this.#reader = open(next);
    return this.#reader === undefined ? undefined : this.#reader.read();
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
