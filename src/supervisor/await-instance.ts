import { WcError } from '../model/diagnostic.ts';
import type { InstanceId } from '../model/ids.ts';
import type { AwaitCondition } from '../model/plan.ts';
import type { Service } from '../model/project.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { Broadcast } from '../util/broadcast.ts';
import { evaluate } from './condition.ts';

export interface AwaitSources {
  /** Says that an instance may have changed; undefined: any of them. */
  readonly changes: Broadcast<InstanceId | undefined>;
  /** The present state; throws ERR_ENGINE_UNREACHABLE while the Engine is away. */
  readonly look: (id: InstanceId, signal: AbortSignal) => Promise<ObservedInstance | undefined>;
}

/**
 * Resolves when the instance meets the condition. Fails at once when it never can: it ended, it is unhealthy, it is
 * gone. While the Engine is away it waits for its return.
 */
export async function awaitInstance(
  id: InstanceId,
  condition: AwaitCondition,
  service: Service | undefined,
  sources: AwaitSources,
  signal: AbortSignal,
): Promise<void> {
  let wake: () => void = () => {};
  let changed = false;
  using _subscription = sources.changes.subscribe((what) => {
    if (what !== undefined && what !== id) return;
    changed = true;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      changed = false;
      const verdict = await judge(id, condition, sources, signal);
      if (verdict.is === 'met') return;
      if (verdict.is === 'failed') throw failure(id, condition, verdict.reason, service);
      if (changed) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (changed || signal.aborted) resolve();
      });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function judge(
  id: InstanceId,
  condition: AwaitCondition,
  sources: AwaitSources,
  signal: AbortSignal,
): Promise<ReturnType<typeof evaluate>> {
  try {
    const instance = await sources.look(id, signal);
    return evaluate(instance?.state, condition);
  } catch (error) {
    if (error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return { is: 'waiting' };
    throw error;
  }
}

function failure(id: InstanceId, condition: AwaitCondition, reason: string, service: Service | undefined): WcError {
  const name = service?.name ?? id;
  const hint =
    reason === 'has no healthcheck'
      ? `give ${name} a healthcheck, or wait for service_started`
      : `see why with: wcompose logs ${name}`;
  return new WcError('ERR_DEPENDENCY_FAILED', `${name} ${reason}`, {
    source: reason === 'has no healthcheck' ? service?.source : undefined,
    hint: condition === 'started' ? undefined : hint,
  });
}
