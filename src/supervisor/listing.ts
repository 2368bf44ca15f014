import type { Listing } from '../control/protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Project } from '../model/project.ts';
import type { ObservedInstance } from '../model/state.ts';
import { byService } from './observe.ts';
import type { EngineSide } from './engine-access.ts';

export interface ListSources {
  readonly name: ProjectName;
  readonly stored: Project | undefined;
  /** Connects; undefined when the project needs no Engine. Throws ERR_ENGINE_UNREACHABLE. */
  readonly engine: () => Promise<EngineSide | undefined>;
  /** The containers as they were when the Engine last told of them. */
  readonly lastSeen: readonly ObservedInstance[];
  readonly wasm: readonly ObservedInstance[];
}

/** What there is of a project. An Engine that is away takes nothing from what can be said without it. */
export async function list(sources: ListSources, signal: AbortSignal): Promise<Listing> {
  const { containers, engineAway } = await observeContainers(sources, signal);
  return {
    instances: [...containers, ...sources.wasm].toSorted(byService),
    services: Object.keys(sources.stored?.services ?? {}),
    engineAway,
  };
}

async function observeContainers(
  { name, stored, engine, lastSeen }: ListSources,
  signal: AbortSignal,
): Promise<{ readonly containers: readonly ObservedInstance[]; readonly engineAway?: string }> {
  try {
    return { containers: (await (await engine())?.runtime.observe(name, signal)) ?? [] };
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_ENGINE_UNREACHABLE') throw error;
    // Of a project that is not known here an Engine that does not answer knows nothing either.
    if (stored === undefined && lastSeen.length === 0) return { containers: [] };
    return { containers: lastSeen, engineAway: error.message };
  }
}
