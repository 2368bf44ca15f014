import { setTimeout as delay } from 'node:timers/promises';

import type { LogHub } from '../logs/hub.ts';
import { WcError } from '../model/diagnostic.ts';
import { parseInstanceId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Operation } from '../model/plan.ts';
import type { Project, Service, WasmService } from '../model/project.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { Progress, Runtime } from '../runtime/runtime.ts';
import type { SupervisorEvent } from '../control/protocol.ts';
import { awaitInstance } from './await-instance.ts';
import { buildService } from './build-service.ts';
import type { BuildHow } from './build-service.ts';
import type { EngineSide } from './engine-access.ts';
import type { Instances } from './instances.ts';
import type { ProjectVolumes } from './volumes.ts';

/** What the operations of one plan work on. */
export interface OperationContext {
  readonly project: Project;
  readonly engine: EngineSide | undefined;
  readonly wasm: Runtime<WasmService>;
  readonly refreshFabric: (signal: AbortSignal) => Promise<void>;
  readonly volumes: ProjectVolumes;
  readonly instances: Instances;
  /** Made beside those that they replace, and not renamed yet. */
  readonly replacements: Map<InstanceId, ObservedInstance>;
  readonly hub: LogHub;
  readonly hash: (service: Service) => string;
  readonly build: BuildHow;
  readonly emit: (event: SupervisorEvent) => void;
  readonly progress: (service: Service, step: Progress) => void;
  readonly warn: (message: string) => void;
}

/** Does one operation of a plan: one call on one driver. */
export async function runOperation(
  operation: Operation,
  context: OperationContext,
  signal: AbortSignal,
): Promise<void> {
  switch (operation.op) {
    case 'network.create':
      await requireEngine(context).resources.ensureNetwork(context.project.name, operation.network, signal);
      // Wasm instances that run already join it now, so that its first container finds their names.
      return await context.refreshFabric(signal);
    case 'network.remove':
      return await requireEngine(context).resources.removeNetwork(operation.network, signal);
    case 'volume.create':
      return await context.volumes.ensure(context.project, operation.volume, signal);
    case 'volume.remove':
      return await context.volumes.remove(operation.volume, signal);
    case 'artifact.push':
      return await requireEngine(context).images.push(operation.image, () => {}, signal);
    case 'artifact.build':
      return await buildService(operation.service, context.build, context, signal);
    case 'artifact.prepare':
      return await prepare(operation.service, context, signal);
    case 'instance.create':
      return await createInstance(operation, context, signal);
    case 'instance.rename':
      return await renameInstance(operation, context, signal);
    case 'instance.start': {
      const { instance, runtime } = find(operation.id, context);
      context.instances.starting(instance);
      return await runtime.start(instance.handle, signal);
    }
    case 'instance.await':
      return await awaitCondition(operation, context, signal);
    case 'instance.stop': {
      const { instance, graceMs } = operation;
      await runtimeOf(instance.kind, context).stop(instance.handle, graceMs, signal);
      return;
    }
    case 'instance.remove':
      return await removeInstance(operation.instance, context, signal);
  }
}

async function removeInstance(
  instance: ObservedInstance,
  context: OperationContext,
  signal: AbortSignal,
): Promise<void> {
  // What a dead supervisor ran is gone already.
  if (instance.state.at === 'exited' && instance.state.exit.how === 'lost') return;
  await runtimeOf(instance.kind, context).remove(instance.handle, signal);
  context.instances.removed(instance);
}

async function prepare(service: Service, context: OperationContext, signal: AbortSignal): Promise<void> {
  const runtime = runtimeOf(service.kind, context);
  if (service.kind === 'container') {
    return await runtime.prepare(service, (step) => context.progress(service, step), signal);
  }
  // A module is compiled in a moment as a rule, and that is no news then.
  const done = new AbortController();
  const tellLater = async (): Promise<void> => {
    try {
      await delay(SLOW_MS, undefined, { signal: done.signal });
      context.progress(service, { step: 'Compiling', done: 0 });
    } catch {
      // AbortError: it was quick.
    }
  };
  const telling = tellLater();
  try {
    await runtime.prepare(service, () => {}, signal);
  } finally {
    done.abort();
    await telling;
  }
}

const SLOW_MS = 1_000;

async function createInstance(
  operation: Extract<Operation, { op: 'instance.create' }>,
  context: OperationContext,
  signal: AbortSignal,
): Promise<void> {
  const { project } = context;
  const { service, id, index } = operation;
  const runtime = runtimeOf(service.kind, context);
  const configHash = context.hash(service);
  const handle = await runtime.create(
    {
      id,
      index,
      project: project.name,
      service,
      configHash,
      mounts: await context.volumes.resolve(project, service, signal),
      networks: service.networks.flatMap((network) => project.networks[network.network] ?? []),
      workingDir: project.workingDir,
      configFiles: project.files,
      logs: context.hub.sink(id),
      renewVolumes: operation.renewVolumes,
      replaces: operation.replaces?.handle,
    },
    signal,
  );
  const made = {
    id,
    service: service.name,
    index,
    kind: service.kind,
    handle,
    name: nameOf(project, service, index),
    image: '',
    configHash,
    state: { at: 'created' },
    ports: [],
    addresses: {},
    createdAt: 0,
    restarts: 0,
  } as const;
  // Until it has its name the other one is the instance.
  if (operation.replaces === undefined) context.instances.created(made);
  else context.replacements.set(id, made);
}

async function renameInstance(
  { id, service, index }: Extract<Operation, { op: 'instance.rename' }>,
  context: OperationContext,
  signal: AbortSignal,
): Promise<void> {
  const made = context.replacements.get(id);
  if (made === undefined) throw new WcError('ERR_INTERNAL', `plan renames ${id}, which was never created`);
  const name = nameOf(context.project, service, index);
  await runtimeOf(service.kind, context).rename?.({ handle: made.handle, name }, signal);
  context.instances.created(made);
}

function nameOf(project: Project, service: Service, index: number): string {
  return service.containerName ?? `${project.name}-${service.name}-${index}`;
}

async function awaitCondition(
  operation: Extract<Operation, { op: 'instance.await' }>,
  context: OperationContext,
  signal: AbortSignal,
): Promise<void> {
  const { id, condition, required } = operation;
  const service = context.project.services[parseInstanceId(id).service];
  const { runtime } = find(id, context);
  const look = async (): Promise<ObservedInstance | undefined> =>
    (await runtime.observe(context.project.name, signal)).find((instance) => instance.id === id);
  try {
    await awaitInstance(id, condition, service, { changes: context.instances.changes, look }, signal);
  } catch (error) {
    if (required || !(error instanceof WcError) || error.code !== 'ERR_DEPENDENCY_FAILED') throw error;
    context.warn(`optional dependency: ${error.message}`);
  }
}

function find(
  id: InstanceId,
  context: OperationContext,
): { readonly instance: ObservedInstance; readonly runtime: Runtime } {
  const instance = context.instances.get(id);
  if (instance === undefined) throw new WcError('ERR_INTERNAL', `plan names ${id}, which was never created`);
  return { instance, runtime: runtimeOf(instance.kind, context) };
}

/** A driver takes services of its own kind only; the kind is checked here, once. */
function runtimeOf(kind: Service['kind'], context: OperationContext): Runtime {
  return kind === 'wasm' ? context.wasm : requireEngine(context).runtime;
}

function requireEngine(context: OperationContext): EngineSide {
  if (context.engine !== undefined) return context.engine;
  throw new WcError('ERR_ENGINE_UNREACHABLE', 'this needs a Docker Engine and none is connected');
}
