import type { WireError } from '../model/diagnostic.ts';
import { timedOut } from './request-notes.ts';

/** Does what takes its time for as long as the user wants to wait, and says so when that was too short. */
export async function runPatiently(
  waitMs: number | undefined,
  task: (signal: AbortSignal) => Promise<readonly WireError[]>,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  if (waitMs === undefined) return await task(signal);
  const patience = AbortSignal.timeout(waitMs);
  const failures = await task(AbortSignal.any([signal, patience]));
  return patience.aborted && !signal.aborted ? [...failures, timedOut(waitMs)] : failures;
}
