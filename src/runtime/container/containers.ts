import { setInterval } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import type { ContainerInspect, ContainerSummary, Filters } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { explain, isStatus } from './errors.ts';
import { LABEL } from './labels.ts';

/** Undefined when there is no such container. */
export async function inspect(engine: Engine, id: string, signal: AbortSignal): Promise<ContainerInspect | undefined> {
  try {
    return await engine.request<ContainerInspect>('GET', `/containers/${id}/json`, {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Also those that do not run, unless the filter asks for a status. */
export async function listContainers(
  engine: Engine,
  filters: Filters,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  return await engine.request('GET', '/containers/json', { query: { all: true }, filters }, signal);
}

/**
 * Removes a container of ours by force and resolves when its name is free again; one that is gone is no error. Its
 * volumes stay. A container that carries no label of ours is never touched: ERR_NOT_OURS.
 */
export async function removeContainer(engine: Engine, handle: string, signal: AbortSignal): Promise<void> {
  const found = await inspect(engine, handle, signal);
  if (found === undefined) return;
  const labels = found.Config.Labels ?? {};
  const name = plainName(found.Name);
  if (labels[LABEL.project] === undefined && labels[LABEL.kind] === undefined) {
    throw new WcError('ERR_NOT_OURS', `container ${name} is not one of a project, so it is not removed`, {
      hint: `remove it yourself with: docker rm -f ${name}`,
    });
  }
  try {
    await engine.request('DELETE', `/containers/${found.Id}`, { query: { force: true } }, signal);
  } catch (error) {
    if (isStatus(error, 404)) return;
    // 409: somebody else (AutoRemove) is removing it just now.
    if (!isStatus(error, 409)) throw explain(error, { doing: `remove container ${name}` });
    await gone(engine, found.Id, signal);
  }
}

/** The Engine puts a slash before it. */
export function plainName(name: string): string {
  return name.replace(/^\//, '');
}

async function gone(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  for await (const _tick of setInterval(POLL_MS, undefined, { signal })) {
    if ((await inspect(engine, id, signal)) === undefined) return;
  }
}

const POLL_MS = 50;
