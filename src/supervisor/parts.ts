import type { ProjectDirs } from '../control/project-dirs.ts';
import { LogHub } from '../logs/hub.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import { planeChoice } from '../net/plane.ts';
import { createFabric } from '../net/project-fabric.ts';
import type { ProjectFabric } from '../net/project-fabric.ts';
import type { WasmRuntime } from '../runtime/wasm-runtime.ts';
import { createWasmRuntime } from '../runtime/wasm/driver.ts';
import { ImageFiles } from '../storage/image-files.ts';
import { VolumeDirs } from '../storage/volume-dirs.ts';
import { Broadcast } from '../util/broadcast.ts';
import { connectEngine } from './connect-engine.ts';
import { EngineAccess } from './engine-access.ts';
import { hideInstances } from './hidden-instances.ts';
import { Instances } from './instances.ts';
import { LogFollowers } from './log-followers.ts';
import { ModuleDigests } from './module-digest.ts';
import type { SupervisorParts } from './project-state.ts';
import { RequestQueue } from './request-queue.ts';
import { trace, traceError } from './trace.ts';
import { ProjectVolumes } from './volumes.ts';
import { WasmRecord } from './wasm-record.ts';
import type { WasmSide } from './wasm-side.ts';

export interface Parts extends SupervisorParts, AsyncDisposable {
  /** What users should know that belongs to no request. */
  readonly notices: Broadcast<string>;
  /** The Wasm runtime with the instances of `run`, which the project does not see. */
  readonly oneOffs: { readonly wasm: WasmRuntime; readonly hidden: Set<InstanceId> };
  /** Nothing runs that needs this process. */
  readonly isUnused: () => boolean;
}

/** Everything the supervisor of one project consists of, put together. Disposing ends its Wasm instances. */
export async function openParts(name: ProjectName, dirs: ProjectDirs, shutdown: AbortSignal): Promise<Parts> {
  await using stack = new AsyncDisposableStack();
  const notices = new Broadcast<string>();
  const notice = (message: string): void => {
    trace('notice', { message });
    notices.emit(message);
  };
  const hub = stack.use(new LogHub({ dir: dirs.logs, now: Date.now, onError: traceError }));
  const followers = stack.use(new LogFollowers(hub, traceError));
  const instances = new Instances(name, hub, followers);
  const listening = new AbortController();
  const signal = AbortSignal.any([shutdown, listening.signal]);
  const loops: Promise<void>[] = [];
  const engine = stack.use(
    new EngineAccess(connectEngine, (side) => {
      loops.push(instances.listen(side.runtime, side, signal).catch(traceError));
    }),
  );
  const fabric = stack.use(
    createFabric({
      project: name,
      runDir: dirs.run,
      engine: async (inner) => (await engine.get(inner)).fabric,
      onNotice: notice,
      plane: planeChoice(process.env),
    }),
  );
  const whole = stack.use(createWasmRuntime({ fabric }));
  const hidden = new Set<InstanceId>();
  const runtime = hideInstances(whole, hidden);
  loops.push(instances.listen(runtime, undefined, signal).catch(traceError));
  stack.use(followAddresses(instances, fabric, signal));
  stack.defer(async () => {
    listening.abort();
    await Promise.all(loops);
  });
  const wasm: WasmSide = {
    runtime,
    setProject: (project) => fabric.setProject(project),
    refresh: async (inner) => await fabric.refresh(inner),
    endOneOffs: async (inner) => {
      await Promise.all([...hidden].map(async (id) => await whole.stop(id, 0, inner)));
    },
    removeStaleRelays: async (inner) => await fabric.removeStaleRelays(inner),
  };
  const record = new WasmRecord(dirs.wasmRecord);
  const former = await record.readEnded();
  const owned = stack.move();
  return {
    name,
    dirs,
    hub,
    engine,
    wasm,
    volumes: new ProjectVolumes(new VolumeDirs(dirs.volumes), () => engine.current),
    images: new ImageFiles(dirs.images),
    instances,
    digests: new ModuleDigests(),
    queue: new RequestQueue(),
    record,
    former,
    notices,
    oneOffs: { wasm: whole, hidden },
    isUnused: () => instances.running === 0,
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** Containers that start and end change addresses; several at once are one look at the Engine. */
function followAddresses(instances: Instances, fabric: ProjectFabric, signal: AbortSignal): AsyncDisposable {
  let again = false;
  let running: Promise<void> | undefined;
  const refresh = async (): Promise<void> => {
    do {
      again = false;
      try {
        await fabric.refresh(signal);
      } catch (error) {
        // ERR_ENGINE_UNREACHABLE: its return is an event too. Anything else must not end the loop either.
        if (!signal.aborted) traceError(error);
      }
    } while (again && !signal.aborted);
    running = undefined;
  };
  const subscription = instances.addressChanges.subscribe(() => {
    again = true;
    running ??= refresh();
  });
  return {
    [Symbol.asyncDispose]: async () => {
      subscription[Symbol.dispose]();
      await running;
    },
  };
}
