import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The project's log on disk: NDJSON in segments named after the first sequence number they hold, so that a
 * reader finds its place by name. Old segments are dropped as whole files; a reader that holds one open goes on.
 *
 *     logs/000000000001.ndjson  logs/000000004711.ndjson
 */
export interface Segment {
  readonly first: number;
  readonly path: string;
}

export function listSegments(dir: string): readonly Segment[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => SEGMENT_NAME.test(name))
    .map((name) => ({ first: Number.parseInt(name, 10), path: join(dir, name) }))
    .toSorted((a, b) => a.first - b.first);
}

/** The writing end. Appends are synchronous and go to the kernel in one call per batch. */
export class SegmentWriter implements Disposable {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #keep: number;
  #fd: number | undefined;
  #bytes = 0;

  constructor(dir: string, options: { readonly segmentBytes: number; readonly keep: number }) {
    this.#dir = dir;
    this.#segmentBytes = options.segmentBytes;
    this.#keep = options.keep;
  }

  /** Appends whole lines; `firstSeq` is the first of them. */
  append(lines: string, firstSeq: number): void {
    const bytes = Buffer.from(lines);
    try {
      const fd = this.#segmentFor(firstSeq);
      let written = 0;
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      this.#bytes += bytes.length;
    } catch (error) {
      // The disk may be full in the middle of a line: what comes next begins a segment of its own.
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Removes all segments; the next line begins a new one. */
  clear(): void {
    this[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #segmentFor(firstSeq: number): number {
    if (this.#fd !== undefined && this.#bytes < this.#segmentBytes) return this.#fd;
    this[Symbol.dispose]();
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const name = `${String(firstSeq).padStart(12, '0')}.ndjson`;
    this.#fd = openSync(join(this.#dir, name), 'a', 0o600);
    this.#bytes = fstatSync(this.#fd).size;
    // A segment of this name holds only a line that a crash cut off.
    if (this.#bytes > 0) this.#bytes += writeSync(this.#fd, '\n');
    for (const old of listSegments(this.#dir).slice(0, -this.#keep)) rmSync(old.path, { force: true });
    return this.#fd;
  }
}

/** The reading end of one segment: hands out whole lines, and later those that were written since. */
export class SegmentReader implements Disposable {
  readonly first: number;
  readonly #fd: number;
  readonly #chunk = Buffer.allocUnsafe(READ_BYTES);
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(segment: Segment) {
    this.first = segment.first;
    this.#fd = openSync(segment.path, 'r');
  }

  /** The next lines, at most one read's worth; empty at the present end of the segment. */
  read(): readonly string[] {
    const bytes = this.readBytes();
    return bytes === undefined ? [] : bytes.toString('utf8', 0, bytes.length - 1).split('\n');
  }

  /** The same lines as they are in the file, each with its end, for the caller to keep; undefined when there is none. */
  readBytes(): Buffer | undefined {
    for (;;) {
      const count = readSync(this.#fd, this.#chunk, 0, READ_BYTES, this.#position);
      if (count === 0) return undefined;
      this.#position += count;
      const data = Buffer.concat([this.#rest, this.#chunk.subarray(0, count)]);
      const end = data.lastIndexOf(NEWLINE) + 1;
      this.#rest = data.subarray(end);
      if (end > 0) return data.subarray(0, end);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

const SEGMENT_NAME = /^\d{12}\.ndjson$/;
const READ_BYTES = 256 * 1024;
const NEWLINE = 10;
