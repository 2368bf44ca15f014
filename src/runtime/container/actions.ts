import type { ContainerActions, ContainerImage, ProcessTable } from '../container-actions.ts';
import { oneOffId } from '../../model/ids.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { ObservedInstance } from '../../model/state.ts';
import { inspect, listContainers } from './containers.ts';
import type { Engine } from './engine.ts';
import { explained } from './errors.ts';
import { inspectImage } from './images.ts';
import { LABEL, projectFilter } from './labels.ts';
import { listProjectContainers } from './list-projects.ts';
import { toObserved } from './observe.ts';

export function createContainerActions(engine: Engine): ContainerActions {
  const act = async (doing: string, path: string, signal: AbortSignal): Promise<void> =>
    await explained({ doing }, async () => {
      await engine.request('POST', path, {}, signal);
    });
  return {
    kill: async (handle, name, signal) =>
      await act(
        `send ${name} to container ${short(handle)}`,
        `/containers/${handle}/kill?signal=${encodeURIComponent(name)}`,
        signal,
      ),
    pause: async (handle, signal) =>
      await act(`pause container ${short(handle)}`, `/containers/${handle}/pause`, signal),
    unpause: async (handle, signal) =>
      await act(`unpause container ${short(handle)}`, `/containers/${handle}/unpause`, signal),
    containers: async (signal) => await listProjectContainers(engine, signal),
    top: async (handle, signal) => await top(engine, handle, signal),
    oneOffs: async (project, signal) => await oneOffs(engine, project, signal),
    image: async (handle, signal) => await image(engine, handle, signal),
  };
}

async function top(engine: Engine, handle: string, signal: AbortSignal): Promise<ProcessTable> {
  return await explained({ doing: `list the processes of container ${short(handle)}` }, async () => {
    const found = await engine.request<{
      readonly Titles: readonly string[];
      readonly Processes: readonly (readonly string[])[] | null;
    }>('GET', `/containers/${handle}/top`, {}, signal);
    return { titles: found.Titles, processes: found.Processes ?? [] };
  });
}

async function image(engine: Engine, handle: string, signal: AbortSignal): Promise<ContainerImage | undefined> {
  const container = await inspect(engine, handle, signal);
  if (container === undefined) return undefined;
  const found = await inspectImage(engine, container.Image, signal);
  const nameless = { id: container.Image, repository: '', tag: '', platform: '', bytes: 0, createdAt: undefined };
  if (found === undefined) return nameless;
  const names = found.RepoTags ?? [];
  const named = names.find((tag) => tag === withTag(container.Config.Image)) ?? names[0];
  const colon = named?.lastIndexOf(':') ?? -1;
  const created = Date.parse(found.Created ?? '');
  return {
    ...nameless,
    ...(named === undefined ? {} : { repository: named.slice(0, colon), tag: named.slice(colon + 1) }),
    platform: [found.Os, found.Architecture, found.Variant].filter(Boolean).join('/'),
    bytes: found.Size ?? 0,
    // A builder that wants the same image each time says the year 1 or 1970.
    createdAt: created > 0 ? created : undefined,
  };
}

async function oneOffs(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const listed = await listContainers(engine, projectFilter(project, `${LABEL.oneoff}=True`), signal);
  const found = await Promise.all(listed.map(async ({ Id }) => await inspect(engine, Id, signal)));
  return found
    .filter((one) => one !== undefined)
    .map((one) => {
      const observed = toObserved(one, project);
      const slug = one.Config.Labels?.[LABEL.slug] ?? one.Id.slice(0, 12);
      return { ...observed, id: oneOffId(observed.service, slug), index: 0 };
    });
}

function withTag(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1).includes(':') ? reference : `${reference}:latest`;
}

function short(handle: string): string {
  return handle.slice(0, 12);
}
