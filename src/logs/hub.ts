import type { InstanceId } from '../model/ids.ts';
import { LineSplitter } from '../util/line-splitter.ts';
import type { LogQuery } from './query.ts';
import { readParts, readStore } from './read-store.ts';
import type { LogRecord, LogSink, LogStream } from './record.ts';
import { listSegments, SegmentReader, SegmentWriter } from './segments.ts';

export interface LogHubOptions {
  readonly dir: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly segmentBytes?: number;
  readonly keepSegments?: number;
  /** Lines could not be written, for one because the disk is full; told once until a write succeeds again. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Takes the lines of all instances of a project, numbers them, writes them to the store and wakes the readers.
 * Writing never waits for a reader. Lines of one event-loop turn go to disk in one write.
 */
export class LogHub implements Disposable {
  readonly #dir: string;
  readonly #now: () => number;
  readonly #writer: SegmentWriter;
  readonly #onError: (error: unknown) => void;
  readonly #sinks = new Map<InstanceId, LogSink>();
  readonly #waiting = new Set<() => void>();
  readonly #lastAt: Map<string, number>;
  #seq: number;
  #batch: string[] = [];
  #batchFirst = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #failing = false;

  constructor(options: LogHubOptions) {
    this.#dir = options.dir;
    this.#now = options.now;
    this.#onError = options.onError ?? (() => {});
    const { lastSeq, lastAt } = recover(options.dir);
    this.#seq = lastSeq;
    this.#lastAt = lastAt;
    this.#writer = new SegmentWriter(options.dir, {
      segmentBytes: options.segmentBytes ?? 8 * 1024 * 1024,
      keep: options.keepSegments ?? 8,
    });
  }

  /** The sequence number of the newest record. */
  get seq(): number {
    return this.#seq;
  }

  /** The time of the newest line an instance printed, epoch milliseconds; where a follower of a container resumes. */
  lastAt(id: InstanceId): number | undefined {
    return this.#lastAt.get(id);
  }

  /** A re-created instance writes under its old id, so its history stays readable; but its output begins anew. */
  forget(id: InstanceId): void {
    this.#lastAt.delete(id);
  }

  /** Forgets all lines, also those on disk. Readers go on with what is written from now on; numbers go on too. */
  clear(): void {
    this.#flush();
    this.#lastAt.clear();
    this.#writer.clear();
  }

  sink(id: InstanceId): LogSink {
    const known = this.#sinks.get(id);
    if (known !== undefined) return known;
    const sink = this.#createSink(id);
    this.#sinks.set(id, sink);
    return sink;
  }

  /** History and live in one iterator, with no gap and no double between them. */
  read(query: LogQuery, signal: AbortSignal): AsyncIterable<readonly LogRecord[]> {
    this.#flush();
    return readStore(this.#dir, query, () => this.#changed(signal), signal);
  }

  /** The same for whoever sends it on: records, or bytes of NDJSON with a record in each line. */
  readParts(query: LogQuery, signal: AbortSignal): AsyncIterable<readonly LogRecord[] | Uint8Array> {
    this.#flush();
    return readParts(this.#dir, query, () => this.#changed(signal), signal);
  }

  [Symbol.dispose](): void {
    for (const sink of this.#sinks.values()) sink.flush();
    this.#flush();
    this.#writer[Symbol.dispose]();
  }

  #createSink(id: InstanceId): LogSink {
    let at = 0;
    const splitter = (stream: 'stdout' | 'stderr'): LineSplitter => {
      const middle = recordMiddle(id, stream);
      return new LineSplitter(({ text, partial }) => this.#append(at, middle, text, partial));
    };
    const streams = { stdout: splitter('stdout'), stderr: splitter('stderr') };
    const system = recordMiddle(id, 'system');
    const flush = (): void => {
      const before = this.#seq;
      at = this.#now();
      for (const stream of [streams.stdout, streams.stderr]) stream.flush();
      if (this.#seq !== before) this.#lastAt.set(id, at);
    };
    return {
      write: (stream, chunk, time) => {
        const before = this.#seq;
        // What comes together is of one time.
        at = time ?? this.#now();
        streams[stream].push(chunk);
        if (this.#seq !== before) this.#lastAt.set(id, at);
      },
      system: (text) => {
        for (const line of text.split('\n')) this.#append(this.#now(), system, line, false);
      },
      flush,
    };
  }

  #append(at: number, middle: string, text: string, partial: boolean): void {
    this.#seq++;
    if (this.#batch.length === 0) this.#batchFirst = this.#seq;
    this.#batch.push(
      `{"seq":${this.#seq},"at":${at}${middle}${JSON.stringify(text)}${partial ? ',"partial":true}' : '}'}`,
    );
    if (this.#batch.length >= BATCH_LINES) this.#flush();
    else this.#scheduled ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#batch.length === 0) return;
    const lines = `${this.#batch.join('\n')}\n`;
    this.#batch = [];
    this.#write(lines);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Whoever prints must not fail because its lines cannot be kept: they are lost then. */
  #write(lines: string): void {
    try {
      this.#writer.append(lines, this.#batchFirst);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#onError(error);
      this.#failing = true;
    }
  }

  /** Resolves at the next write, or when the signal ends the reader. */
  async #changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

const BATCH_LINES = 2048;

/** A record, as JSON.stringify would write it, between its time and its text: the same for all lines of a stream. */
function recordMiddle(id: InstanceId, stream: LogStream): string {
  return `,"id":${JSON.stringify(id)},"stream":"${stream}","text":`;
}

/** What the store of an earlier supervisor ends with. */
function recover(dir: string): { readonly lastSeq: number; readonly lastAt: Map<string, number> } {
  const lastAt = new Map<string, number>();
  let lastSeq = 0;
  for (const segment of listSegments(dir)) {
    using reader = new SegmentReader(segment);
    for (let lines = reader.read(); lines.length > 0; lines = reader.read()) {
      for (const line of lines) {
        const match = HEAD.exec(line);
        if (match === null) continue;
        lastSeq = Math.max(lastSeq, Number(match[1]));
        if (match[4] !== 'system') lastAt.set(match[3] ?? '', Number(match[2]));
      }
    }
  }
  return { lastSeq, lastAt };
}

/** The beginning of every line we write; quicker than parsing the whole of it. */
const HEAD = /^\{"seq":(\d+),"at":([\d.]+),"id":"([^"]+)","stream":"(\w+)"/;
