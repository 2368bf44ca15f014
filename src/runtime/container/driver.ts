import type { ContainerService } from '../../model/project.ts';
import type { ExitStatus } from '../../model/state.ts';
import type { CreateRequest, Runtime } from '../runtime.ts';
import { AnonymousVolumes } from './anonymous-volumes.ts';
import { inspect, removeContainer } from './containers.ts';
import { planCreate } from './create-body.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';
import type { ErrorSubject } from './errors.ts';
import { containerEvents } from './events.ts';
import { ensureImage, inspectImage } from './images.ts';
import { requireApi } from './needs-api.ts';
import { observeContainers, toExit } from './observe.ts';
import { namePortOwner } from './port-owner.ts';
import { putFiles, requireContents } from './put-files.ts';
import { resolveReferences } from './references.ts';
import { containerUsage } from './usage.ts';

/**
 * Containers of a project through the Docker Engine. Restart policies and healthchecks are the Engine's. Disposing
 * closes the connection to the Engine; containers outlive it.
 */
export function createContainerRuntime(engine: Engine): Runtime<ContainerService> {
  /** What error messages need to know of a container this process made. */
  const made = new Map<string, { readonly name: string; readonly service: ContainerService }>();
  const volumes = new AnonymousVolumes(engine);
  /** Their volumes have been handed on. */
  const replaced = new Set<string>();
  const subject = (verb: string, handle: string): ErrorSubject => {
    const known = made.get(handle);
    return { doing: `${verb} container ${known?.name ?? handle.slice(0, 12)}`, service: known?.service };
  };

  return {
    kind: 'container',
    observe: async (project, signal) => await observeContainers(engine, project, signal),
    prepare: async (service, progress, signal) => await ensureImage(engine, service, progress, signal),
    create: async (request, signal) => {
      const { id, name } = await create(engine, volumes, request, signal);
      made.set(id, { name, service: request.service });
      if (request.replaces !== undefined) replaced.add(request.replaces);
      return id;
    },
    rename: async ({ handle, name }, signal) => {
      await explained(subject('rename', handle), async () => {
        await engine.request('POST', `/containers/${handle}/rename`, { query: { name } }, signal);
      });
      const known = made.get(handle);
      if (known !== undefined) made.set(handle, { ...known, name });
    },
    start: async (handle, signal) => {
      try {
        await explained(subject('start', handle), async () => {
          await engine.request('POST', `/containers/${handle}/start`, {}, signal);
        });
      } catch (error) {
        throw await namePortOwner(engine, error, signal);
      }
    },
    stop: async (handle, graceMs, signal) =>
      await stop(engine, handle, { graceMs, ...subject('stop', handle) }, signal),
    remove: async (handle, signal) => {
      const container = await inspect(engine, handle, signal);
      if (container !== undefined) {
        if (!replaced.delete(handle)) volumes.keep(container);
        await removeContainer(engine, handle, signal);
      }
      made.delete(handle);
    },
    usage: async (handle, signal) => await containerUsage(engine, handle, signal),
    events: (project, signal) =>
      containerEvents(
        { engine, project, list: async (inner) => await observeContainers(engine, project, inner) },
        signal,
      ),
    [Symbol.asyncDispose]: async () => await engine[Symbol.asyncDispose](),
  };
}

async function create(
  engine: Engine,
  volumes: AnonymousVolumes,
  request: CreateRequest<ContainerService>,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly name: string }> {
  const { service } = request;
  const resolved = await resolveReferences(engine, request, signal);
  // Before anything is made, so that a service that cannot be made leaves nothing.
  planCreate(resolved, false);
  requireApi(engine, service);
  requireContents(service.files ?? []);
  const image = await inspectImage(engine, service.image, signal);
  const former = request.replaces === undefined ? undefined : await inspect(engine, request.replaces, signal);
  if (former !== undefined) volumes.keep(former);
  const provided = await volumes.provide(resolved, image, signal);
  const planned = planCreate({ ...resolved, mounts: provided.mounts }, engine.supports(SEVERAL_NETWORKS), image?.Id);
  const { body, connect } = planned;
  // docker compose gives the same name, and both know what it means.
  const name = request.replaces === undefined ? planned.name : `${request.replaces.slice(0, 12)}_${planned.name}`;
  const subject = { doing: `create container ${planned.name}`, service };
  let id: string | undefined;
  try {
    return await explained(subject, async () => {
      const query = { name, platform: service.platform };
      ({ Id: id } = await engine.request<{ Id: string }>('POST', '/containers/create', { query, body }, signal));
      for (const { network, endpoint } of connect) {
        const connection = { Container: id, EndpointConfig: endpoint };
        await engine.request('POST', `/networks/${network}/connect`, { body: connection }, signal);
      }
      await putFiles(engine, id, service.files ?? [], signal);
      provided.used();
      return { id, name };
    });
  } catch (error) {
    // A container that is on some of its networks only must not be taken for a whole one by the next `up`.
    const patience = AbortSignal.timeout(CLEANUP_MS);
    await settle(async () => {
      if (id !== undefined) await removeContainer(engine, id, patience);
      await provided.undo(patience);
    });
    throw error;
  }
}

/** The stop signal, then SIGKILL after the grace; what had ended already keeps its status. */
async function stop(
  engine: Engine,
  handle: string,
  options: ErrorSubject & { readonly graceMs: number },
  signal: AbortSignal,
): Promise<ExitStatus> {
  const t = Math.ceil(options.graceMs / 1000);
  try {
    await explained(options, async () => {
      await engine.request('POST', `/containers/${handle}/stop`, { query: { t } }, signal);
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  const ended = await inspect(engine, handle, signal);
  if (ended === undefined) return { how: 'lost', reason: 'the container was removed' };
  return toExit(ended.State.ExitCode);
}

function isGone(error: unknown): boolean {
  return error instanceof Error && isStatus(error.cause, 404);
}

/** Cleans up after an error that is thrown next: what fails here is its consequence. */
async function settle(cleanUp: () => Promise<void>): Promise<void> {
  try {
    await cleanUp();
  } catch {
    // ERR_ENGINE_UNREACHABLE: the Engine is away; the next `up` sees the half-made container and makes it anew.
  }
}

const CLEANUP_MS = 10_000;
/** The API that takes all networks at creation. */
const SEVERAL_NETWORKS = '1.44';
