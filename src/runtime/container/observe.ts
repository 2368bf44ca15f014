import { instanceId } from '../../model/ids.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { ExitStatus, Health, InstanceState, ObservedInstance, PublishedPort } from '../../model/state.ts';
import { limit } from '../../util/limit.ts';
import { inspect, listContainers, plainName } from './containers.ts';
import type { ContainerInspect, ContainerSummary, PortBinding } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { inspectImage } from './images.ts';
import { isInstance, LABEL, networksOf, projectFilter } from './labels.ts';

/** The project's instances, also those that another process or docker compose made. */
export async function observeContainers(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const listed = await listContainers(engine, projectFilter(project), signal);
  const atOnce = limit(PARALLEL);
  const found = await Promise.all(
    listed
      .filter((summary) => isInstance(summary.Labels))
      .map(async (summary) => await atOnce(async () => await observeOne(engine, summary, project, signal))),
  );
  return found.filter((instance) => instance !== undefined);
}

async function observeOne(
  engine: Engine,
  summary: ContainerSummary,
  project: ProjectName,
  signal: AbortSignal,
): Promise<ObservedInstance | undefined> {
  const found = await inspect(engine, summary.Id, signal);
  if (found === undefined) return undefined;
  return { ...toObserved(found, project), imageChanged: await hasNewerImage(engine, summary, found, signal) };
}

/** The image's name stands for another image by now: it was built or pulled again. */
async function hasNewerImage(
  engine: Engine,
  summary: ContainerSummary,
  found: ContainerInspect,
  signal: AbortSignal,
): Promise<boolean> {
  if (summary.Image !== summary.ImageID || found.Config.Image === found.Image) return false;
  const now = await inspectImage(engine, found.Config.Image, signal);
  return now !== undefined && now.Id !== found.Image;
}

/** One container as the planner and `ps` see it. Pure. */
export function toObserved(found: ContainerInspect, project: ProjectName): ObservedInstance {
  const labels = found.Config.Labels ?? {};
  const service = labels[LABEL.service] ?? '';
  const index = Number(labels[LABEL.number] ?? 1);
  return {
    id: instanceId(service, index),
    service,
    index,
    kind: 'container',
    handle: found.Id,
    name: plainName(found.Name),
    image: found.Config.Image,
    configHash: labels[LABEL.configHash] ?? '',
    state: toState(found),
    ports: toPorts(found.NetworkSettings.Ports ?? {}),
    addresses: toAddresses(found, labels, project),
    createdAt: Date.parse(found.Created),
    restarts: found.RestartCount,
    connected: Object.fromEntries(
      Object.entries(found.NetworkSettings.Networks).map(([name, { NetworkID }]) => [name, NetworkID]),
    ),
    mounted: found.Mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : [])),
  };
}

function toState(found: ContainerInspect): InstanceState {
  const { State } = found;
  if (State.Restarting) {
    return { at: 'backoff', attempt: found.RestartCount, until: restartTime(found), exit: toExit(State.ExitCode) };
  }
  switch (State.Status) {
    case 'created':
      return { at: 'created' };
    case 'running':
    case 'paused':
      return {
        at: 'running',
        health: toHealth(State.Health?.Status),
        since: Date.parse(State.StartedAt),
        ...(State.Status === 'paused' ? { paused: true } : {}),
      };
    case 'removing':
      return { at: 'stopping', since: Date.parse(State.FinishedAt) };
    default:
      return { at: 'exited', exit: toExit(State.ExitCode), since: Date.parse(State.FinishedAt) };
  }
}

export function toExit(code: number): ExitStatus {
  return { how: 'code', code };
}

/**
 * When the Engine starts a container in back-off again, by its own curve: 100 ms, twice as much with each restart, a
 * minute at most; from the beginning after 10 s of life.
 */
export function restartTime(found: ContainerInspect): number {
  const ended = Date.parse(found.State.FinishedAt);
  const lived = ended - Date.parse(found.State.StartedAt);
  const step = lived >= 10_000 ? 0 : Math.max(0, found.RestartCount - 1);
  return ended + Math.min(60_000, 100 * 2 ** step);
}

export function toHealth(status: string | undefined): Health {
  if (status === 'healthy' || status === 'unhealthy' || status === 'starting') return status;
  return 'none';
}

function toPorts(ports: Readonly<Record<string, readonly PortBinding[] | null>>): readonly PublishedPort[] {
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const [target, protocol = 'tcp'] = key.split('/');
    const base = {
      target: Number(target),
      protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp',
    } as const;
    if (bindings === null || bindings.length === 0) return [{ ...base, hostIp: '', published: 0 }];
    return bindings.map((binding) => ({ ...base, hostIp: binding.HostIp, published: Number(binding.HostPort) }));
  });
}

/** A container of docker compose has no label that names its networks: their keys are what the project's name leaves. */
function toAddresses(
  found: ContainerInspect,
  labels: Readonly<Record<string, string>>,
  project: ProjectName,
): Readonly<Record<string, string>> {
  const keys = new Map(Object.entries(networksOf(labels)).map(([key, name]) => [name, key]));
  return Object.fromEntries(
    Object.entries(found.NetworkSettings.Networks)
      .filter(([, endpoint]) => endpoint.IPAddress !== '')
      .map(([name, endpoint]) => [
        keys.get(name) ?? (name.startsWith(`${project}_`) ? name.slice(project.length + 1) : name),
        endpoint.IPAddress,
      ]),
  );
}

/** How many containers are inspected at once. */
const PARALLEL = 16;
