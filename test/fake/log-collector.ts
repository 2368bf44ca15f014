import type { LogSink, LogStream } from '../../src/logs/record.ts';
import { LineSplitter } from '../../src/util/line-splitter.ts';

export interface CollectedLine {
  readonly stream: LogStream;
  readonly text: string;
}

/** A sink that keeps all lines; `until` waits for one without a clock. */
export class LogCollector implements LogSink {
  readonly lines: CollectedLine[] = [];
  readonly #splitters = { stdout: this.#splitter('stdout'), stderr: this.#splitter('stderr') };
  #waiting: { readonly matches: () => boolean; readonly resolve: () => void }[] = [];

  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    this.#splitters[stream].push(chunk);
  }

  system(text: string): void {
    this.#add({ stream: 'system', text });
  }

  flush(): void {
    this.#splitters.stdout.flush();
    this.#splitters.stderr.flush();
  }

  text(stream: LogStream = 'stdout'): readonly string[] {
    return this.lines.filter((line) => line.stream === stream).map((line) => line.text);
  }

  /** Resolves with the first line that holds `part`; it may have been written already. */
  async until(part: string | RegExp): Promise<CollectedLine> {
    const find = (): CollectedLine | undefined =>
      this.lines.find((line) => (typeof part === 'string' ? line.text.includes(part) : part.test(line.text)));
    const { promise, resolve } = Promise.withResolvers<void>();
    if (find() === undefined) {
      this.#waiting.push({ matches: () => find() !== undefined, resolve });
      await promise;
    }
    const line = find();
    if (line === undefined) throw new Error(`no line with ${String(part)}`);
    return line;
  }

  #splitter(stream: LogStream): LineSplitter {
    return new LineSplitter((line) => this.#add({ stream, text: line.text }));
  }

  #add(line: CollectedLine): void {
    this.lines.push(line);
    this.#waiting = this.#waiting.filter((waiting) => {
      if (!waiting.matches()) return true;
      waiting.resolve();
      return false;
    });
  }
}
