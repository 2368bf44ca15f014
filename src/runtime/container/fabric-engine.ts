import type { ProjectName } from '../../model/ids.ts';
import type { ContainerEndpoint, FabricEngine } from '../../net/fabric-engine.ts';
import { removeContainer } from './driver.ts';
import type { Engine } from './engine.ts';
import { explained } from './errors.ts';
import { hasImage } from './images.ts';
import { LABEL, projectFilter } from './labels.ts';
import { subnets } from './networks.ts';
import { inspect } from './observe.ts';
import type { Inspect } from './observe.ts';

/** What the fabric asks of the Engine, in terms of its API. */
export function createFabricEngine(engine: Engine): FabricEngine {
  return {
    info: async (signal) => {
      const { OperatingSystem, SecurityOptions } = await engine.request<InfoReply>('GET', '/info', {}, signal);
      const rootless = (SecurityOptions ?? []).some((option) => option.includes('rootless'));
      const native =
        engine.endpoint.startsWith('unix://') && OperatingSystem !== 'Docker Desktop' && process.platform === 'linux';
      return { arch: engine.arch === 'arm64' ? 'arm64' : 'amd64', native, rootless };
    },
    hasImage: async (tag, signal) => await hasImage(engine, tag, signal),
    loadImage: async (tar, signal) => {
      const stream = await engine.stream('POST', '/images/load', { tar, query: { quiet: true } }, signal);
      // The image is there when the answer has ended.
      for await (const _chunk of stream);
    },
    createContainer: async (name, body, signal) => {
      const create = async (): Promise<{ Id: string }> =>
        await engine.request<{ Id: string }>('POST', '/containers/create', { query: { name }, body }, signal);
      return (await explained(`creating ${name}`, undefined, create)).Id;
    },
    connectNetwork: async (network, container, aliases, signal) => {
      const body = { Container: container, EndpointConfig: { Aliases: aliases } };
      await engine.request('POST', `/networks/${network}/connect`, { body }, signal);
    },
    attach: async (container, signal) =>
      await engine.hijack(`/containers/${container}/attach`, { stream: 1, stdin: 1, stdout: 1, stderr: 1 }, signal),
    startContainer: async (container, signal) => {
      await engine.request('POST', `/containers/${container}/start`, {}, signal);
    },
    removeContainer: async (container, signal) => await removeContainer(engine, container, signal),
    addresses: async (container, signal) => addresses(await inspect(engine, container, signal)),
    endpoints: async (project, networks, signal) => await endpoints(engine, project, networks, signal),
    relays: async (project, signal) => {
      const query = { all: true, filters: projectFilter(project, [`${LABEL.kind}=relay`]) };
      const found = await engine.request<readonly { Id: string; Names: readonly string[] }[]>(
        'GET',
        '/containers/json',
        { query },
        signal,
      );
      return found.map(({ Id, Names }) => ({ id: Id, name: (Names[0] ?? '').replace(/^\//, '') }));
    },
    subnets: async (network, signal) => await subnets(engine, network, signal),
  };
}

interface InfoReply {
  readonly OperatingSystem: string;
  readonly SecurityOptions: readonly string[] | null;
}

function addresses(found: Inspect | undefined): Readonly<Record<string, string>> {
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
  const query = { filters: JSON.stringify({ network: networks }) };
  const listed = await engine.request<readonly { Id: string; Labels: Record<string, string> }[]>(
    'GET',
    '/containers/json',
    { query },
    signal,
  );
  const ids = listed
    .filter(({ Labels }) => Labels[LABEL.kind] !== 'relay' || Labels[LABEL.project] !== project)
    .map(({ Id }) => Id);
  const found = await Promise.all(ids.map(async (id) => await inspect(engine, id, signal)));
  return found.flatMap((one) => (one === undefined ? [] : containerEndpoints(one, networks)));
}

function containerEndpoints(found: Inspect, networks: readonly string[]): readonly ContainerEndpoint[] {
  const name = found.Name.replace(/^\//, '');
  const service = found.Config.Labels[LABEL.service];
  return Object.entries(found.NetworkSettings.Networks)
    .filter(([network, endpoint]) => networks.includes(network) && endpoint.IPAddress !== '')
    .map(([network, endpoint]) => ({
      network,
      address: endpoint.IPAddress,
      names: [
        ...new Set([
          name,
          ...(service === undefined ? [] : [service]),
          ...(endpoint.Aliases ?? []),
          ...(endpoint.DNSNames ?? []),
        ]),
      ],
    }));
}
