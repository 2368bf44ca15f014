import { ensureNetwork, listNetworks, removeNetwork } from '../runtime/container/networks.ts';
import { ensureVolume, inspectVolume, listVolumes, removeVolume } from '../runtime/container/volumes.ts';
import { createContainerActions } from '../runtime/container/actions.ts';
import { createContainerRuntime } from '../runtime/container/driver.ts';
import { createContainerImages } from '../runtime/container/image-actions.ts';
import { Engine } from '../runtime/container/engine.ts';
import { containerFiles, exportContainer } from '../runtime/container/files.ts';
import { createFabricEngine } from '../runtime/container/fabric-engine.ts';
import { followLogs } from '../runtime/container/follow-logs.ts';
import { createContainerSessions } from '../runtime/container/sessions.ts';
import { clearDirectory } from '../net/relay/clear-directory.ts';
import type { EngineSide } from './engine-access.ts';

/** One connection to the Engine that the environment names, with everything the supervisor uses of it. */
export async function connectEngine(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<EngineSide> {
  const engine = await Engine.open(env, signal);
  const runtime = createContainerRuntime(engine);
  const fabric = createFabricEngine(engine);
  return {
    runtime,
    description: engine.description,
    isLocal: engine.isLocal,
    fabric,
    sessions: createContainerSessions(engine),
    actions: createContainerActions(engine),
    images: createContainerImages(engine, env),
    resources: {
      ensureNetwork: async (project, network, inner) => await ensureNetwork(engine, project, network, inner),
      removeNetwork: async (network, inner) => await removeNetwork(engine, network, inner),
      listNetworks: async (project, inner) => await listNetworks(engine, project, inner),
      ensureVolume: async (project, volume, device, inner) =>
        await ensureVolume(engine, project, volume, device, inner),
      inspectVolume: async (name, inner) => await inspectVolume(engine, name, inner),
      removeVolume: async (name, inner) => await removeVolume(engine, name, inner),
      listVolumes: async (project, inner) => await listVolumes(engine, project, inner),
    },
    followLogs: async (handle, since, sink, inner) => await followLogs(engine, handle, since, sink, inner),
    files: (handle, name) => containerFiles(engine, handle, name),
    exportContainer: async (handle, inner) => await exportContainer(engine, handle, inner),
    clearDirectory: async (path, inner) => await clearDirectory(fabric, path, inner),
    [Symbol.asyncDispose]: async () => await runtime[Symbol.asyncDispose](),
  };
}
