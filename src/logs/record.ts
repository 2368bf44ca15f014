import type { InstanceId } from '../model/ids.ts';

export interface LogRecord {
  /** Position in the project's log; a client resumes with `after` and misses nothing. */
  readonly seq: number;
  /** Epoch milliseconds, with a fraction where the source is finer. */
  readonly at: number;
  readonly id: InstanceId;
  readonly stream: LogStream;
  /** One line without its end. */
  readonly text: string;
  /** True when `text` is only a part of a line that was too long or not ended at exit. */
  readonly partial?: true;
}

/** `system` lines are ours: `exited with code 1`, a trap's backtrace, a refused connection. */
export type LogStream = 'stdout' | 'stderr' | 'system';

/** Where a driver writes what one instance prints. Never blocks the writer and never throws. */
export interface LogSink {
  write(stream: 'stdout' | 'stderr', chunk: Uint8Array, at?: number): void;
  /** A line of our own about the instance. */
  system(text: string): void;
  /** Ends the lines that are still open; the sink can be written to again afterwards. */
  flush(): void;
}
