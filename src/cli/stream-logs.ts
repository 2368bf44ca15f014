import type { ControlClient } from '../control/client.ts';
import type { LogRecord } from '../logs/record.ts';
import type { LogLines } from '../ui/log-lines.ts';
import type { Output } from '../ui/output.ts';

export interface StreamLogsOptions {
  readonly services: readonly string[];
  readonly after: number;
  readonly tail?: number | undefined;
  readonly follow: boolean;
  /** Also lines that say how an instance ended; as a rule while following only. */
  readonly exits?: boolean;
  /** stderr of a service goes to our stderr (`up`), or everything to stdout (`logs`). */
  readonly splitStreams: boolean;
}

/** Prints log records until the stream or the signal ends; returns the number of the last one that was printed. */
export async function streamLogs(
  client: ControlClient,
  options: StreamLogsOptions,
  lines: LogLines,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const query = new URLSearchParams({ after: String(options.after) });
  for (const service of options.services) query.append('service', service);
  if (options.tail !== undefined) query.set('tail', String(options.tail));
  if (options.follow) query.set('follow', '1');
  let last = options.after;
  const records = client.stream('GET /v1/logs', undefined, signal, `?${query.toString()}`);
  for await (const record of records as AsyncIterable<LogRecord>) {
    printRecord(record, options, lines, output);
    last = record.seq;
  }
  return last;
}

/** `exited with code 0` is news while somebody follows; in the history of `logs` it would stand between the lines. */
export function printRecord(
  record: LogRecord,
  options: Pick<StreamLogsOptions, 'splitStreams' | 'follow' | 'exits'>,
  lines: LogLines,
  output: Output,
): void {
  if (record.stream === 'system' && !(options.exits ?? options.follow) && EXIT_LINE.test(record.text)) return;
  const text = lines.format(record);
  if (options.splitStreams && record.stream === 'stderr') output.err(text);
  else output.out(text);
}

const EXIT_LINE = /^exited with code \d+/;
