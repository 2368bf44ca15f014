import { setInterval } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { NetworkSpec } from '../../model/project.ts';
import type { ObservedResource } from '../../model/state.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';
import { COMPOSE_VERSION, LABEL, projectFilter } from './labels.ts';

interface NetworkReply {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

/**
 * Makes the project's network, or checks that an external one is there. A network of that name that somebody else
 * made is never used: ERR_NOT_OURS.
 */
export async function ensureNetwork(
  engine: Engine,
  project: ProjectName,
  network: NetworkSpec,
  signal: AbortSignal,
): Promise<void> {
  const present = await findNetworks(engine, network.name, signal);
  if (network.external) {
    if (present.length > 0 || BUILT_IN.has(network.name)) return;
    throw new WcError(
      'ERR_ENGINE_REFUSED',
      `network ${network.name} is declared as external, but there is none of that name`,
      {
        source: network.source,
        hint: `make it with: docker network create ${network.name}`,
      },
    );
  }
  const [oldest] = present;
  if (oldest !== undefined) {
    if (oldest.Labels?.[LABEL.project] === project) return;
    throw new WcError(
      'ERR_NOT_OURS',
      `a network named ${network.name} exists and does not belong to project ${project}`,
      {
        source: network.source,
        hint: `use it with \`external: true\`, or remove it with: docker network rm ${network.name}`,
      },
    );
  }
  await explained(`creating network ${network.name}`, undefined, async () => {
    await engine.request('POST', '/networks/create', { body: networkBody(project, network) }, signal);
  });
  await removeDuplicates(engine, network.name, signal);
}

export async function listNetworks(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedResource[]> {
  const found = await engine.request<readonly NetworkReply[]>(
    'GET',
    '/networks',
    { query: { filters: projectFilter(project) } },
    signal,
  );
  return found.map(({ Id, Name, Labels }) => ({ id: Id, name: Name, key: Labels?.[LABEL.network] ?? Name }));
}

/** Removes a network of ours; waits while the endpoints of containers that were just removed are still on it. */
export async function removeNetwork(engine: Engine, network: ObservedResource, signal: AbortSignal): Promise<void> {
  const until = performance.now() + ENDPOINTS_MS;
  for await (const _tick of setInterval(POLL_MS, undefined, { signal })) {
    try {
      await engine.request('DELETE', `/networks/${network.id}`, {}, signal);
      return;
    } catch (error) {
      if (isStatus(error, 404)) return;
      if (performance.now() > until || !isStatus(error, 403, 409, 500)) {
        throw new WcError(
          'ERR_ENGINE_REFUSED',
          `network ${network.name} cannot be removed: ${(error as Error).message}`,
          {
            hint: 'something outside of this project is still connected to it; disconnect it and run the command again',
            cause: error,
          },
        );
      }
    }
  }
}

export async function subnets(engine: Engine, name: string, signal: AbortSignal): Promise<readonly string[]> {
  const [network] = await findNetworks(engine, name, signal);
  return (network?.IPAM?.Config ?? []).flatMap((one) => one.Subnet ?? []).filter((subnet) => !subnet.includes(':'));
}

/** Exactly this name: the Engine's own filter matches substrings. */
async function findNetworks(engine: Engine, name: string, signal: AbortSignal): Promise<readonly NetworkReply[]> {
  const filters = JSON.stringify({ name: [name] });
  const found = await engine.request<readonly NetworkReply[]>('GET', '/networks', { query: { filters } }, signal);
  return found.filter((network) => network.Name === name).toSorted((a, b) => (a.Created < b.Created ? -1 : 1));
}

/** Two creations at the same moment both succeed (moby/moby#20648): the oldest stays. */
async function removeDuplicates(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  const [, ...younger] = await findNetworks(engine, name, signal);
  for (const network of younger) await engine.request('DELETE', `/networks/${network.Id}`, {}, signal);
}

function networkBody(project: ProjectName, network: NetworkSpec): Readonly<Record<string, unknown>> {
  return {
    Name: network.name,
    CheckDuplicate: true,
    Internal: network.internal,
    Driver: network.driver ?? 'bridge',
    Options: network.driverOpts,
    Labels: {
      ...network.labels,
      [LABEL.project]: project,
      [LABEL.network]: network.key,
      [LABEL.version]: COMPOSE_VERSION,
    },
  };
}

/** The Engine has these from the beginning. */
const BUILT_IN: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);
const POLL_MS = 100;
const ENDPOINTS_MS = 10_000;
