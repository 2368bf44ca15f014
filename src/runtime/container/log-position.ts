import { compareTimes, sinceText, toMs } from './log-frames.ts';
import type { LogLine, LogTime } from './log-frames.ts';

/**
 * How far a container's log has been read, so that the next reading brings each line once. `since` of the Engine
 * includes its own moment. Lines of one stream are in order of time; between the two streams a line may be written
 * after one with a later time, hence a position for each and a reading that overlaps the last.
 */
export class LogPosition {
  /** Nothing up to here, of either stream: read by another process. Epoch milliseconds. */
  readonly #after: number | undefined;
  readonly #last = new Map<LogLine['stream'], { readonly time: LogTime; readonly count: number }>();
  /** Lines of the present reading with the time of the last one, which are not new. */
  #repeated = new Map<LogLine['stream'], number>();
  #newest: number | undefined;

  constructor(after: number | undefined) {
    this.#after = after;
  }

  /** Begins a reading; returns what its `since` must be. */
  begin(): string | undefined {
    this.#repeated = new Map([...this.#last].map(([stream, { count }]) => [stream, count]));
    if (this.#newest === undefined) return this.#after === undefined ? undefined : sinceText(this.#after);
    return sinceText(Math.max(this.#newest - OVERLAP_MS, this.#after ?? 0));
  }

  /** True when the line was not read before. */
  take({ stream, time }: LogLine): boolean {
    const ms = toMs(time);
    if (this.#after !== undefined && ms <= this.#after) return false;
    const last = this.#last.get(stream);
    const order = last === undefined ? 1 : compareTimes(time, last.time);
    if (order < 0 && this.#repeated.has(stream)) return false;
    const repeated = order === 0 ? (this.#repeated.get(stream) ?? 0) : 0;
    if (repeated > 0) {
      this.#repeated.set(stream, repeated - 1);
      return false;
    }
    // Past what was read before: a clock that is set back from now on hides no line.
    if (order !== 0) this.#repeated.delete(stream);
    this.#last.set(stream, { time, count: order === 0 ? (last?.count ?? 0) + 1 : 1 });
    this.#newest = ms;
    return true;
  }
}

const OVERLAP_MS = 1_000;
