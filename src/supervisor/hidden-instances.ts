import type { InstanceId } from '../model/ids.ts';
import type { RuntimeEvent } from '../runtime/runtime.ts';
import type { WasmRuntime } from '../runtime/wasm-runtime.ts';

/**
 * The runtime without the instances of this set: one-off instances share its modules and threads, and are no instances
 * of the project for anybody who observes it.
 */
export function hideInstances(runtime: WasmRuntime, hidden: ReadonlySet<InstanceId>): WasmRuntime {
  return {
    kind: runtime.kind,
    observe: async (project, signal) =>
      (await runtime.observe(project, signal)).filter((instance) => !hidden.has(instance.id)),
    prepare: async (service, progress, signal) => await runtime.prepare(service, progress, signal),
    create: async (request, signal) => await runtime.create(request, signal),
    start: async (handle, signal) => await runtime.start(handle, signal),
    stop: async (handle, graceMs, signal) => await runtime.stop(handle, graceMs, signal),
    remove: async (handle, signal) => await runtime.remove(handle, signal),
    usage: async (handle, signal) => await runtime.usage(handle, signal),
    openInput: (handle) => runtime.openInput(handle),
    // Subscribed now, and not when the iteration begins.
    events: (project, signal) => visible(runtime.events(project, signal), hidden),
    [Symbol.asyncDispose]: async () => await runtime[Symbol.asyncDispose](),
  };
}

async function* visible(
  events: AsyncIterable<RuntimeEvent>,
  hidden: ReadonlySet<InstanceId>,
): AsyncGenerator<RuntimeEvent> {
  for await (const event of events) if (!('id' in event) || !hidden.has(event.id)) yield event;
}
