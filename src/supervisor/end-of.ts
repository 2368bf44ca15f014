import type { WireError } from '../model/diagnostic.ts';
import type { Emit } from './project-state.ts';

/** The end of a request whose failures may be of no consequence: they are warnings then. */
export function endOf(
  failures: readonly WireError[],
  { ignore, emit }: { readonly ignore: boolean; readonly emit: Emit },
  signal: AbortSignal,
): void {
  if (ignore) {
    for (const failure of failures) emit({ type: 'warning', message: failure.message });
    emit({ type: 'end', ok: !signal.aborted, failures: [] });
  } else emit({ type: 'end', ok: failures.length === 0 && !signal.aborted, failures });
}
