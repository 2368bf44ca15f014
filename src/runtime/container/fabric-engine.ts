import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { hostname, release } from 'node:os';

import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { ContainerEndpoint, EngineInfo, FabricEngine } from '../../net/fabric-engine.ts';
import { inspect, listContainers, plainName, removeContainer } from './containers.ts';
import type { ContainerInspect, ContainerSummary, InfoReply, PullMessage } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { explained } from './errors.ts';
import { inspectImage } from './images.ts';
import { readJsonLines } from './json-stream.ts';
import { LABEL, projectFilter } from './labels.ts';
import { bridgeGateways, subnets } from './networks.ts';

/** What the fabric asks of the Engine, in terms of its API. */
export function createFabricEngine(engine: Engine): FabricEngine {
  return {
    info: async (signal) => await info(engine, signal),
    hasImage: async (tag, signal) => (await inspectImage(engine, tag, signal)) !== undefined,
    loadImage: async (tar, signal) => {
      const stream = await engine.stream('POST', '/images/load', { tar, query: { quiet: true } }, signal);
      // The image is there when the answer has ended.
      for await (const { error } of readJsonLines<PullMessage>(stream)) {
        if (error !== undefined) throw new WcError('ERR_ENGINE_REFUSED', `the Engine cannot load an image: ${error}`);
      }
    },
    createContainer: async (name, body, signal) =>
      await explained({ doing: `create container ${name}` }, async () => {
        const request = { query: { name }, body };
        return (await engine.request<{ readonly Id: string }>('POST', '/containers/create', request, signal)).Id;
      }),
    connectNetwork: async (network, container, aliases, signal) => {
      const body = { Container: container, EndpointConfig: { Aliases: aliases } };
      await explained({ doing: `connect a container to network ${network}` }, async () => {
        await engine.request('POST', `/networks/${network}/connect`, { body }, signal);
      });
    },
    attach: async (container, signal) =>
      await explained({ doing: `attach to container ${container.slice(0, 12)}` }, async () => {
        const query = { stream: 1, stdin: 1, stdout: 1, stderr: 1 };
        return await engine.hijack(`/containers/${container}/attach`, { query }, signal);
      }),
    startContainer: async (container, signal) => {
      await explained({ doing: `start container ${container.slice(0, 12)}` }, async () => {
        await engine.request('POST', `/containers/${container}/start`, {}, signal);
      });
    },
    removeContainer: async (container, signal) => await removeContainer(engine, container, signal),
    addresses: async (container, signal) => addresses(await inspect(engine, container, signal)),
    endpoints: async (project, networks, signal) => await endpoints(engine, project, networks, signal),
    relays: async (project, signal) => {
      const found = await listContainers(engine, projectFilter(project, `${LABEL.kind}=relay`), signal);
      return found.map(({ Id, Names, NetworkSettings }) => ({
        id: Id,
        name: plainName(Names[0] ?? ''),
        networks: Object.keys(NetworkSettings?.Networks ?? {}),
      }));
    },
    subnets: async (network, signal) => await subnets(engine, network, signal),
  };
}

async function info(engine: Engine, signal: AbortSignal): Promise<EngineInfo> {
  const reply = await engine.request<InfoReply>('GET', '/info', {}, signal);
  const rootless = (reply.SecurityOptions ?? []).some((option) => option.includes('rootless'));
  return {
    arch: engine.arch === 'arm64' || engine.arch === 'aarch64' ? 'arm64' : 'amd64',
    native: engine.isLocal && isThisHost(reply) && !rootless && (await hasBridgesHere(engine, signal)),
    rootless,
  };
}

/** A unix socket may be forwarded from another machine, or lead into a virtual machine, as Docker Desktop's does. */
function isThisHost({ Name, KernelVersion, OperatingSystem }: InfoReply): boolean {
  return (
    process.platform === 'linux' &&
    OperatingSystem !== 'Docker Desktop' &&
    Name === hostname() &&
    KernelVersion === release()
  );
}

/** The Engine's bridges are on this host and in this network namespace: one of their addresses can be bound here. */
async function hasBridgesHere(engine: Engine, signal: AbortSignal): Promise<boolean> {
  for (const gateway of await bridgeGateways(engine, signal)) if (await isOwnAddress(gateway)) return true;
  return false;
}

/** Asked of the kernel: the list of interfaces leaves out a bridge that no container is on. */
async function isOwnAddress(address: string): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, address);
    await once(socket, 'listening');
    return true;
  } catch {
    // EADDRNOTAVAIL: it is no address of this host.
    return false;
  } finally {
    socket.close();
  }
}

function addresses(found: ContainerInspect | undefined): Readonly<Record<string, string>> {
  const networks = Object.entries(found?.NetworkSettings.Networks ?? {});
  return Object.fromEntries(
    networks.filter(([, one]) => one.IPAddress !== '').map(([name, one]) => [name, one.IPAddress]),
  );
}

/** Running containers on the networks, whoever made them: on an external network others' containers have names too. */
async function endpoints(
  engine: Engine,
  project: ProjectName,
  networks: readonly string[],
  signal: AbortSignal,
): Promise<readonly ContainerEndpoint[]> {
  if (networks.length === 0) return [];
  const listed = await listContainers(engine, { network: networks, status: ['running'] }, signal);
  const others = listed.filter(
    ({ Labels }: ContainerSummary) => Labels[LABEL.kind] !== 'relay' || Labels[LABEL.project] !== project,
  );
  const found = await Promise.all(others.map(async ({ Id }) => await inspect(engine, Id, signal)));
  return found.flatMap((one) => (one === undefined ? [] : containerEndpoints(one, networks)));
}

function containerEndpoints(found: ContainerInspect, networks: readonly string[]): readonly ContainerEndpoint[] {
  return Object.entries(found.NetworkSettings.Networks)
    .filter(([network, endpoint]) => networks.includes(network) && endpoint.IPAddress !== '')
    .map(([network, endpoint]) => ({
      network,
      address: endpoint.IPAddress,
      names: [...new Set([plainName(found.Name), ...(endpoint.Aliases ?? []), ...(endpoint.DNSNames ?? [])])],
    }));
}
