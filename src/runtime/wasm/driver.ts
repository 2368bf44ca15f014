import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { Fabric } from '../../net/fabric.ts';
import { AsyncQueue } from '../../util/async-queue.ts';
import { Broadcast } from '../../util/broadcast.ts';
import type { CreateRequest, RuntimeEvent } from '../runtime.ts';
import type { WasmRuntime } from '../wasm-runtime.ts';
import { checkService } from './check-service.ts';
import { WasmInstance } from './instance.ts';
import { Modules } from './modules.ts';
import { WorkerPool } from './worker-pool.ts';

export interface WasmRuntimeOptions {
  /** Owned by the caller, who disposes of it after the runtime. */
  readonly fabric: Fabric;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * Wasm instances in threads of this process. They end with it: disposing ends them all. No code of a guest runs on
 * the calling thread.
 */
export function createWasmRuntime(options: WasmRuntimeOptions): WasmRuntime {
  const { fabric, now = Date.now } = options;
  const instances = new Map<string, WasmInstance>();
  const modules = new Modules();
  const pool = new WorkerPool();
  const happened = new Broadcast<{ readonly project: string; readonly event: RuntimeEvent }>();

  const find = (handle: string): WasmInstance => {
    const instance = instances.get(handle);
    if (instance === undefined) throw new WcError('ERR_INTERNAL', `there is no Wasm instance ${handle}`);
    return instance;
  };

  const create = async (request: CreateRequest<WasmService>): Promise<string> => {
    const { id, project, service } = request;
    if (instances.has(id)) throw new WcError('ERR_NAME_TAKEN', `${id} exists already`, { source: service.source });
    checkService(service);
    pool.warm();
    const module = await modules.load(service);
    const emit = (event: RuntimeEvent): void => happened.emit({ project, event });
    instances.set(id, new WasmInstance(request, { fabric, pool, module, emit, now }));
    return id;
  };

  const remove = async (handle: string, signal: AbortSignal): Promise<void> => {
    const instance = instances.get(handle);
    if (instance === undefined) return;
    await instance.remove(signal);
    if (instances.get(handle) === instance) instances.delete(handle);
  };

  return {
    kind: 'wasm',
    observe: async (project, signal) => {
      signal.throwIfAborted();
      const ours = [...instances.values()].filter((instance) => instance.request.project === project);
      return ours.flatMap((instance) => instance.observe() ?? []);
    },
    prepare: async (service, _progress, signal) => {
      signal.throwIfAborted();
      checkService(service);
      pool.warm();
      await modules.load(service);
    },
    create: async (request, signal) => {
      signal.throwIfAborted();
      return await create(request);
    },
    start: async (handle, signal) => await find(handle).start(signal),
    stop: async (handle, graceMs, signal) => {
      const instance = instances.get(handle);
      if (instance === undefined) return { how: 'lost', reason: 'the instance was removed' };
      return await instance.stop(graceMs, signal);
    },
    remove,
    usage: async (handle, signal) => {
      signal.throwIfAborted();
      return await instances.get(handle)?.usage();
    },
    openInput: (handle) => find(handle).input(),
    events: (project, signal) => {
      // Subscribed now and not when the iteration begins: nothing between the two gets lost.
      const queue = new AsyncQueue<RuntimeEvent>(signal);
      const subscription = happened.subscribe((what) => {
        if (what.project === project) queue.push(what.event);
      });
      if (signal.aborted) subscription[Symbol.dispose]();
      else signal.addEventListener('abort', () => subscription[Symbol.dispose](), { once: true });
      return queue;
    },
    [Symbol.asyncDispose]: async () => {
      const never = new AbortController().signal;
      await Promise.all([...instances.keys()].map(async (handle) => await remove(handle, never)));
      await pool[Symbol.asyncDispose]();
    },
  };
}
