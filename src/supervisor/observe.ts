import { instanceId } from '../model/ids.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Project, WasmService } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { EngineSide } from './engine-access.ts';
import type { ProjectVolumes } from './volumes.ts';

export interface ObserveSources {
  readonly engine: EngineSide | undefined;
  readonly wasm: Runtime<WasmService> | undefined;
  readonly volumes: ProjectVolumes;
}

/** One snapshot of both kinds, in order of service name and replica. */
export async function observe(project: ProjectName, sources: ObserveSources, signal: AbortSignal): Promise<Observed> {
  const { engine, wasm, volumes } = sources;
  const [containers, instances, networks, seen] = await Promise.all([
    engine?.runtime.observe(project, signal) ?? [],
    wasm?.observe(project, signal) ?? [],
    engine?.resources.listNetworks(project, signal) ?? [],
    volumes.observe(project, signal),
  ]);
  return { instances: [...containers, ...instances].toSorted(byService), networks, volumes: seen };
}

/**
 * Wasm instances that the stored project wants and that no supervisor runs: theirs was killed, or the machine
 * was restarted. They are shown as lost until the next `up`, `start` or `down`.
 */
export function lostInstances(stored: Project, present: readonly ObservedInstance[]): readonly ObservedInstance[] {
  const known = new Set(present.map((instance) => instance.id));
  return Object.values(stored.services)
    .filter((service) => service.kind === 'wasm')
    .flatMap((service) => Array.from({ length: service.replicas }, (_, at) => ({ service, index: at + 1 })))
    .map(({ service, index }) => ({ service, index, id: instanceId(service.name, index) }))
    .filter(({ id }) => !known.has(id))
    .map(({ service, index, id }) => ({
      id,
      service: service.name,
      index,
      kind: 'wasm',
      handle: id,
      name: service.containerName ?? `${stored.name}-${service.name}-${index}`,
      image: service.module.from === 'file' ? service.module.path : '',
      configHash: '',
      state: { at: 'exited', exit: { how: 'lost', reason: 'its supervisor ended' }, since: 0 },
      ports: [],
      addresses: {},
      createdAt: 0,
      restarts: 0,
    }));
}

function byService(a: ObservedInstance, b: ObservedInstance): number {
  return a.service === b.service ? a.index - b.index : a.service < b.service ? -1 : 1;
}
