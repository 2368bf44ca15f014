import type { InstanceChange } from '../control/protocol.ts';
import type { ProjectName } from '../model/ids.ts';
import { parseInstanceId } from '../model/ids.ts';
import { exitCode } from '../model/state.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import type { EngineAccess } from './engine-access.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';
import { traceError } from './trace.ts';
import type { WasmSide } from './wasm-side.ts';

export interface ChangeParts {
  readonly name: ProjectName;
  readonly supervisor: ProjectSupervisor;
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
}

/** What happens to instances of the services from now on; none: of all. */
export async function* instanceChanges(
  parts: ChangeParts,
  services: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<InstanceChange> {
  const left = new AbortController();
  const until = AbortSignal.any([signal, left.signal]);
  const queue = new AsyncQueue<{ readonly event: RuntimeEvent; readonly kind: Runtime['kind'] }>(until);
  const pump = async (runtime: Runtime): Promise<void> => {
    for await (const event of runtime.events(parts.name, until)) queue.push({ event, kind: runtime.kind });
  };
  const pumps = [pump(parts.wasm.runtime).catch(traceError)];
  // Before the look, where that is possible: it takes its time. The look connects, where the project needs an Engine.
  const connected = parts.engine.current;
  if (connected !== undefined) pumps.push(pump(connected.runtime).catch(traceError));
  let known = (await parts.supervisor.list(until)).instances;
  const engine = parts.engine.current;
  if (connected === undefined && engine !== undefined) pumps.push(pump(engine.runtime).catch(traceError));
  try {
    for await (const { event, kind } of queue) {
      if (!('handle' in event) || event.type === 'ports') continue;
      const { service } = parseInstanceId(event.id);
      if (services.length > 0 && !services.includes(service)) continue;
      const isKnown = (one: ObservedInstance): boolean => one.handle === event.handle;
      // One that is new; of one that is gone the last list tells.
      if (!known.some(isKnown)) known = [...known, ...(await parts.supervisor.list(until)).instances.filter(isKnown)];
      yield toChange(event, kind, service, known.find(isKnown));
    }
  } finally {
    left.abort();
    await Promise.all(pumps);
  }
}

function toChange(
  event: Exclude<Extract<RuntimeEvent, { handle: string }>, { type: 'ports' }>,
  kind: Runtime['kind'],
  service: string,
  instance: ObservedInstance | undefined,
): InstanceChange {
  const attributes = {
    image: instance?.image ?? '',
    name: instance?.name ?? event.handle,
    ...(event.type === 'exited' ? { exitCode: String(exitCode(event.exit)) } : {}),
  };
  return { at: event.at, type: kind, action: actionOf(event), id: event.handle, service, attributes };
}

/** The Engine's words. */
function actionOf(event: Exclude<Extract<RuntimeEvent, { handle: string }>, { type: 'ports' }>): string {
  switch (event.type) {
    case 'started':
      return 'start';
    case 'exited':
      return 'die';
    case 'health':
      return `health_status: ${event.health}`;
    case 'removed':
      return 'destroy';
  }
}
