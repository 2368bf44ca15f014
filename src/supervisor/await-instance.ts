import { WcError } from '../model/diagnostic.ts';
import type { InstanceId } from '../model/ids.ts';
import type { AwaitCondition } from '../model/plan.ts';
import type { Service } from '../model/project.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { Broadcast } from '../util/broadcast.ts';
import { evaluate } from './condition.ts';
import type { Verdict } from './condition.ts';

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
      const { verdict, instance } = await judge(id, condition, sources, signal);
      if (verdict.is === 'met') return;
      if (verdict.is === 'failed') throw failure({ id, condition, reason: verdict.reason, service, instance });
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
): Promise<{ readonly verdict: Verdict; readonly instance?: ObservedInstance | undefined }> {
  try {
    const instance = await sources.look(id, signal);
    return { verdict: evaluate(instance?.state, condition), instance };
  } catch (error) {
    if (error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return { verdict: { is: 'waiting' } };
    throw error;
  }
}

interface Failure {
  readonly id: InstanceId;
  readonly condition: AwaitCondition;
  readonly reason: string;
  readonly service: Service | undefined;
  readonly instance: ObservedInstance | undefined;
}

function failure(failed: Failure): WcError {
  const { id, condition, reason, service } = failed;
  const name = service?.name ?? id;
  const hint =
    reason === 'has no healthcheck'
      ? `give ${name} a healthcheck, or wait for service_started`
      : `see why with: wcompose logs ${name}`;
  return new WcError('ERR_DEPENDENCY_FAILED', failureText(failed), {
    source: reason === 'has no healthcheck' ? service?.source : undefined,
    hint: condition === 'started' ? undefined : hint,
  });
}

/** The words of docker compose: scripts look for them. */
function failureText({ id, condition, reason, service, instance }: Failure): string {
  const exit =
    instance?.state.at === 'exited' && instance.state.exit.how === 'code' ? instance.state.exit.code : undefined;
  if (condition === 'completed' && exit !== undefined)
    return `service "${service?.name ?? id}" didn't complete successfully: exit ${exit}`;
  const subject =
    instance === undefined
      ? (service?.name ?? id)
      : `${instance.kind === 'wasm' ? 'Wasm' : 'container'} ${instance.name}`;
  const what = exit === undefined ? reason : `exited (${exit})`;
  return condition === 'ready' ? `${subject} ${what}` : `dependency failed to start: ${subject} ${what}`;
}
