import { setInterval } from 'node:timers/promises';

import type { ProjectName } from '../../model/ids.ts';
import type { ContainerService } from '../../model/project.ts';
import type { ExitStatus } from '../../model/state.ts';
import type { CreateRequest, Runtime } from '../runtime.ts';
import { containerName, createBody, endpointSettings } from './create-body.ts';
import { EngineHttpError } from './engine.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';
import { containerEvents } from './events.ts';
import { ensureImage } from './images.ts';
import { inspect, listContainers, toObserved } from './observe.ts';

/** Containers of a project through the Docker Engine. Restart policies and healthchecks are the Engine's. */
export function createContainerRuntime(engine: Engine): Runtime<ContainerService> {
  /** What error messages need to know of a container this process made. */
  const services = new Map<string, ContainerService>();

  const observe = async (project: ProjectName, signal: AbortSignal): ReturnType<Runtime['observe']> => {
    const ids = await listContainers(engine, project, signal);
    const found = await Promise.all(ids.map(async (id) => await inspect(engine, id, signal)));
    return found.filter((one) => one !== undefined).map((one) => toObserved(one, project));
  };

  return {
    kind: 'container',
    observe,
    prepare: async (service, progress, signal) => await ensureImage(engine, service, progress, signal),
    create: async (request, signal) => {
      const id = await create(engine, request, signal);
      services.set(id, request.service);
      return id;
    },
    start: async (handle, signal) => {
      const service = services.get(handle);
      await explained(`starting ${service?.name ?? handle.slice(0, 12)}`, service, async () => {
        await engine.request('POST', `/containers/${handle}/start`, {}, signal);
      });
    },
    stop: async (handle, graceMs, signal) => await stop(engine, handle, graceMs, signal),
    remove: async (handle, signal) => {
      await removeContainer(engine, handle, signal);
      services.delete(handle);
    },
    events: (project, signal) =>
      containerEvents({ engine, project, list: async (inner) => await observe(project, inner) }, signal),
    [Symbol.asyncDispose]: async () => {
      // Containers outlive this process; there is nothing to free but the map.
      services.clear();
      await Promise.resolve();
    },
  };
}

async function create(engine: Engine, request: CreateRequest<ContainerService>, signal: AbortSignal): Promise<string> {
  const { service, project, index } = request;
  const name = containerName(project, service, index);
  const query = { name, platform: service.platform };
  const { Id: id } = await explained(
    `creating ${service.name}`,
    service,
    async () =>
      await engine.request<{ Id: string }>('POST', '/containers/create', { query, body: createBody(request) }, signal),
  );
  try {
    if (service.networkMode === undefined) {
      for (const network of request.networks.slice(1)) {
        const body = { Container: id, EndpointConfig: endpointSettings(service, network, name) };
        await engine.request('POST', `/networks/${network.name}/connect`, { body }, signal);
      }
    }
    return id;
  } catch (error) {
    // A container that is on some of its networks only must not be taken for a whole one by the next `up`.
    await removeContainer(engine, id, AbortSignal.timeout(CLEANUP_MS));
    throw error;
  }
}

/** SIGTERM (or the service's stop signal), then SIGKILL after the grace; what had ended already keeps its status. */
async function stop(engine: Engine, handle: string, graceMs: number, signal: AbortSignal): Promise<ExitStatus> {
  try {
    await engine.request('POST', `/containers/${handle}/stop`, { query: { t: Math.ceil(graceMs / 1000) } }, signal);
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
  const ended = await inspect(engine, handle, signal);
  if (ended === undefined) return { how: 'lost', reason: 'the container was removed' };
  return { how: 'code', code: ended.State.ExitCode };
}

/** By force, with its anonymous volumes; resolves when the name is free again. */
export async function removeContainer(engine: Engine, handle: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.request('DELETE', `/containers/${handle}`, { query: { force: true, v: true } }, signal);
  } catch (error) {
    if (isStatus(error, 404)) return;
    // 409: somebody else (AutoRemove) is removing it just now.
    if (!(error instanceof EngineHttpError) || error.status !== 409) throw error;
    await gone(engine, handle, signal);
  }
}

async function gone(engine: Engine, handle: string, signal: AbortSignal): Promise<void> {
  for await (const _tick of setInterval(50, undefined, { signal })) {
    if ((await inspect(engine, handle, signal)) === undefined) return;
  }
}

const CLEANUP_MS = 10_000;
