import { instanceId } from '../../model/ids.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { Health, InstanceState, ObservedInstance, PublishedPort } from '../../model/state.ts';
import { isStatus } from './errors.ts';
import type { Engine } from './engine.ts';
import { LABEL, projectFilter } from './labels.ts';

/** The part of `GET /containers/{id}/json` that is used. */
export interface Inspect {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Image: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: { readonly Status: string } | null;
  };
  readonly Config: { readonly Image: string; readonly Tty: boolean; readonly Labels: Readonly<Record<string, string>> };
  readonly NetworkSettings: {
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    > | null;
    readonly Networks: Readonly<Record<string, InspectEndpoint>>;
  };
}

export interface InspectEndpoint {
  readonly IPAddress: string;
  readonly Aliases: readonly string[] | null;
  readonly DNSNames?: readonly string[] | null;
}

export async function inspect(engine: Engine, id: string, signal: AbortSignal): Promise<Inspect | undefined> {
  try {
    return await engine.request<Inspect>('GET', `/containers/${id}/json`, {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Ids of the project's service containers: with its label, no relay, no helper, no `run` container. */
export async function listContainers(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { all: true, filters: projectFilter(project) };
  const found = await engine.request<readonly { Id: string; Labels: Record<string, string> }[]>(
    'GET',
    '/containers/json',
    { query },
    signal,
  );
  return found
    .filter(({ Labels }) => Labels[LABEL.service] !== undefined && Labels[LABEL.oneoff] !== 'True')
    .filter(({ Labels }) => (Labels[LABEL.kind] ?? 'container') === 'container')
    .map(({ Id }) => Id);
}

/** One container as the planner and `ps` see it. `networks` maps the Engine's names to compose keys by label. */
export function toObserved(found: Inspect, project: ProjectName): ObservedInstance {
  const labels = found.Config.Labels;
  const service = labels[LABEL.service] ?? '';
  const index = Number(labels[LABEL.number] ?? 1);
  return {
    id: instanceId(service, index),
    service,
    index,
    kind: 'container',
    handle: found.Id,
    name: found.Name.replace(/^\//, ''),
    image: found.Config.Image,
    configHash: labels[LABEL.configHash] ?? '',
    state: toState(found),
    ports: toPorts(found.NetworkSettings.Ports ?? {}),
    addresses: Object.fromEntries(
      Object.entries(found.NetworkSettings.Networks)
        .filter(([, endpoint]) => endpoint.IPAddress !== '')
        .map(([network, endpoint]) => [network.replace(`${project}_`, ''), endpoint.IPAddress]),
    ),
    createdAt: Date.parse(found.Created),
    restarts: found.RestartCount,
  };
}

function toState(found: Inspect): InstanceState {
  const { State } = found;
  const exit = { how: 'code', code: State.ExitCode } as const;
  if (State.Restarting) {
    return {
      at: 'backoff',
      attempt: found.RestartCount,
      until: Date.parse(State.FinishedAt) + backoffMs(found.RestartCount),
      exit,
    };
  }
  switch (State.Status) {
    case 'created':
      return { at: 'created' };
    case 'running':
    case 'paused':
      return { at: 'running', health: toHealth(State.Health?.Status), since: Date.parse(State.StartedAt) };
    case 'removing':
      return { at: 'stopping', since: 0 };
    default:
      return { at: 'exited', exit, since: Date.parse(State.FinishedAt) };
  }
}

/** The Engine's own curve: 100 ms, doubled with each restart, a minute at most. */
function backoffMs(restarts: number): number {
  return Math.min(60_000, 100 * 2 ** restarts);
}

export function toHealth(status: string | undefined): Health {
  if (status === 'healthy' || status === 'unhealthy' || status === 'starting') return status;
  return 'none';
}

function toPorts(ports: NonNullable<Inspect['NetworkSettings']['Ports']>): readonly PublishedPort[] {
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const [target, protocol = 'tcp'] = key.split('/');
    const base = { target: Number(target), protocol: protocol === 'udp' ? 'udp' : 'tcp' } as const;
    if (bindings === null || bindings.length === 0) return [{ ...base, hostIp: '', published: 0 }];
    return bindings.map((binding) => ({ ...base, hostIp: binding.HostIp, published: Number(binding.HostPort) }));
  });
}
