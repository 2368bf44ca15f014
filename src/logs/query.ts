import type { LogRecord } from './record.ts';

export interface LogQuery {
  /** Service names; none: all. */
  readonly services: readonly string[];
  /** Only records with a greater sequence number. */
  readonly after: number;
  /** At most this many of the history, per instance; undefined: all. */
  readonly tail?: number | undefined;
  readonly follow: boolean;
}

export function matches(record: LogRecord, query: LogQuery): boolean {
  if (record.seq <= query.after) return false;
  return query.services.length === 0 || query.services.includes(record.id.slice(0, record.id.lastIndexOf('#')));
}

/** The last `count` records of each instance, in the order of the log. */
export function tailPerInstance(records: readonly LogRecord[], count: number): readonly LogRecord[] {
  const left = new Map<string, number>();
  return records
    .toReversed()
    .filter((record) => {
      const remaining = left.get(record.id) ?? count;
      left.set(record.id, remaining - 1);
      return remaining > 0;
    })
    .toReversed();
}
