import type { ProjectName } from '../model/ids.ts';
import type { WasmService } from '../model/project.ts';
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

/** The order in which instances are listed: by service, then by replica. */
export function byService(a: ObservedInstance, b: ObservedInstance): number {
  return a.service === b.service ? a.index - b.index : a.service < b.service ? -1 : 1;
}
