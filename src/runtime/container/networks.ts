import { setInterval } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { IpamSpec, NetworkSpec } from '../../model/project.ts';
import type { ObservedResource } from '../../model/state.ts';
import type { NetworkReply } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { EngineError, explained, isStatus } from './errors.ts';
import { requireNetworkApi } from './needs-api.ts';
import { LABEL, projectFilter, resourceLabels } from './labels.ts';

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
  const [oldest] = await findNetworks(engine, network.name, signal);
  if (network.external) {
    if (oldest !== undefined) return;
    throw new WcError('ERR_NETWORK', `network ${network.name} declared as external, but could not be found`, {
      source: network.source,
      hint: `make it with: docker network create ${network.name}`,
    });
  }
  if (oldest !== undefined) {
    requireOurs(oldest, project, network);
    return;
  }
  requireNetworkApi(engine, network);
  const subject = { doing: `create network ${network.name}`, source: network.source };
  await explained(subject, async () => {
    await engine.request('POST', '/networks/create', { body: networkBody(project, network) }, signal);
  });
  await removeDuplicates(engine, project, network, signal);
}

export async function listNetworks(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedResource[]> {
  const filters = projectFilter(project);
  const found = await engine.request<readonly NetworkReply[]>('GET', '/networks', { filters }, signal);
  return found.map(({ Id, Name, Labels }) => ({
    id: Id,
    name: Name,
    key: Labels?.[LABEL.network] ?? Name,
    configHash: Labels?.[LABEL.configHash],
  }));
}

/**
 * Removes a network of ours; waits while the endpoints of containers that were just removed are still on it. One
 * without a project's label is never touched: ERR_NOT_OURS.
 */
export async function removeNetwork(engine: Engine, network: ObservedResource, signal: AbortSignal): Promise<void> {
  const found = await inspectNetwork(engine, network.id, signal);
  if (found === undefined) return;
  if (found.Labels?.[LABEL.project] === undefined) {
    throw new WcError('ERR_NOT_OURS', `network ${network.name} is not one of a project, so it is not removed`, {
      hint: `remove it yourself with: docker network rm ${network.name}`,
    });
  }
  const until = performance.now() + ENDPOINTS_MS;
  for await (const _tick of setInterval(POLL_MS, undefined, { signal })) {
    try {
      await engine.request('DELETE', `/networks/${network.id}`, {}, signal);
      return;
    } catch (error) {
      if (isStatus(error, 404)) return;
      // 403, 409, 500 by version: it has active endpoints.
      if (isStatus(error, 403, 409, 500) && performance.now() < until) continue;
      if (!(error instanceof EngineError)) throw error;
      throw new WcError('ERR_NETWORK', `network ${network.name} cannot be removed: ${error.detail}`, {
        hint: 'something outside of this project is still connected to it; disconnect it and run the command again',
        cause: error,
      });
    }
  }
}

/** IPv4 subnets of a network; none when there is no such network. */
export async function subnets(engine: Engine, name: string, signal: AbortSignal): Promise<readonly string[]> {
  const [network] = await findNetworks(engine, name, signal);
  return (network?.IPAM?.Config ?? []).flatMap((one) => one.Subnet ?? []).filter((subnet) => !subnet.includes(':'));
}

/** IPv4 addresses that this Engine's bridge networks have on the Engine's host. */
export async function bridgeGateways(engine: Engine, signal: AbortSignal): Promise<readonly string[]> {
  const found = await engine.request<readonly NetworkReply[]>('GET', '/networks', {}, signal);
  return found
    .filter((network) => network.Driver === 'bridge')
    .flatMap((network) => network.IPAM?.Config ?? [])
    .map(({ Gateway, Subnet = '' }) => Gateway ?? firstAddress(Subnet))
    .filter((gateway) => /^[\d.]+$/.test(gateway));
}

/** Of `172.17.0.0/16` it is 172.17.0.1, which a bridge has that nobody gave another. */
function firstAddress(subnet: string): string {
  return subnet.replace(/(\d+)\/\d+$/, (_match, last: string) => String(Number(last) + 1));
}

async function inspectNetwork(engine: Engine, id: string, signal: AbortSignal): Promise<NetworkReply | undefined> {
  try {
    return await engine.request<NetworkReply>('GET', `/networks/${id}`, {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Exactly this name, the oldest first: the Engine's own filter matches substrings. */
async function findNetworks(engine: Engine, name: string, signal: AbortSignal): Promise<readonly NetworkReply[]> {
  const filters = { name: [name] };
  const found = await engine.request<readonly NetworkReply[]>('GET', '/networks', { filters }, signal);
  return found
    .filter((network) => network.Name === name)
    .toSorted((a, b) => Date.parse(a.Created) - Date.parse(b.Created) || (a.Id < b.Id ? -1 : 1));
}

function requireOurs(found: NetworkReply, project: ProjectName, network: NetworkSpec): void {
  const owner = found.Labels?.[LABEL.project];
  if (owner === project) return;
  const whose = owner === undefined ? 'was not made by compose' : `belongs to project ${owner}`;
  throw new WcError('ERR_NOT_OURS', `a network named ${network.name} exists and ${whose}`, {
    source: network.source,
    hint: `use it with \`external: true\`, or remove it with: docker network rm ${network.name}`,
  });
}

/** Two creations at the same moment both succeed (moby/moby#20648): the oldest stays, and it must be ours. */
async function removeDuplicates(
  engine: Engine,
  project: ProjectName,
  network: NetworkSpec,
  signal: AbortSignal,
): Promise<void> {
  const [oldest, ...younger] = await findNetworks(engine, network.name, signal);
  const ours = younger.filter((one) => one.Labels?.[LABEL.project] === project);
  for (const one of ours) await engine.request('DELETE', `/networks/${one.Id}`, {}, signal);
  if (oldest !== undefined) requireOurs(oldest, project, network);
}

function networkBody(project: ProjectName, network: NetworkSpec): Readonly<Record<string, unknown>> {
  return {
    Name: network.name,
    CheckDuplicate: true,
    Internal: network.internal,
    Attachable: network.attachable ?? false,
    ...(network.enableIpv4 === undefined ? {} : { EnableIPv4: network.enableIpv4 }),
    ...(network.enableIpv6 === undefined ? {} : { EnableIPv6: network.enableIpv6 }),
    ...(network.ipam === undefined ? {} : { IPAM: ipamBody(network.ipam) }),
    Driver: network.driver ?? 'bridge',
    Options: network.driverOpts,
    Labels: resourceLabels(project, 'network', network),
  };
}

function ipamBody({ driver, options, pools }: IpamSpec): Readonly<Record<string, unknown>> {
  return {
    Driver: driver ?? 'default',
    Options: options,
    Config: pools.map((pool) => ({
      ...(pool.subnet === undefined ? {} : { Subnet: pool.subnet }),
      ...(pool.ipRange === undefined ? {} : { IPRange: pool.ipRange }),
      ...(pool.gateway === undefined ? {} : { Gateway: pool.gateway }),
      AuxiliaryAddresses: pool.auxAddresses,
    })),
  };
}

const POLL_MS = 100;
const ENDPOINTS_MS = 10_000;
