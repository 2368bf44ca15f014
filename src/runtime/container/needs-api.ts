import { WcError } from '../../model/diagnostic.ts';
import type { ContainerService, MountSpec, NetworkSpec, ServiceNetwork } from '../../model/project.ts';
import type { Engine } from './engine.ts';

type Needs<T> = readonly (readonly [attribute: string, api: string, isSaid: (of: T) => boolean])[];

/** What an older Engine would ignore, and the API that brought it. */
const MOUNT: Needs<MountSpec> = [
  ['volume.subpath', '1.45', (mount) => mount.type === 'volume' && mount.subpath !== undefined],
  ['type: image', '1.48', (mount) => mount.type === 'image'],
  ['bind.recursive', '1.44', (mount) => mount.bind?.recursive === 'readonly' || mount.bind?.recursive === 'writable'],
];

const CONNECTION: Needs<ServiceNetwork> = [
  ['mac_address', '1.44', (network) => network.macAddress !== undefined],
  ['gw_priority', '1.48', (network) => network.gatewayPriority !== undefined],
  ['interface_name', '1.49', (network) => network.interfaceName !== undefined],
];

const NETWORK: Needs<NetworkSpec> = [['enable_ipv4', '1.48', (network) => network.enableIpv4 !== undefined]];

/** Throws where the service asks for what this Engine would ignore; nothing was made yet. */
export function requireApi(engine: Pick<Engine, 'supports' | 'apiVersion'>, service: ContainerService): void {
  for (const mount of service.mounts) {
    const missing = MOUNT.find(([, api, isSaid]) => isSaid(mount) && !engine.supports(api));
    if (missing !== undefined) throw tooOld(engine, missing, mount.origin);
  }
  for (const network of service.networks) {
    const missing = CONNECTION.find(([, api, isSaid]) => isSaid(network) && !engine.supports(api));
    if (missing === undefined) continue;
    const path = `services.${service.name}.networks.${network.network}`;
    throw tooOld(engine, missing, { ...service.source, path });
  }
}

/** The same for a network of the project. */
export function requireNetworkApi(engine: Pick<Engine, 'supports' | 'apiVersion'>, network: NetworkSpec): void {
  const missing = NETWORK.find(([, api, isSaid]) => isSaid(network) && !engine.supports(api));
  if (missing !== undefined) throw tooOld(engine, missing, network.source);
}

function tooOld(
  engine: Pick<Engine, 'apiVersion'>,
  [attribute, api]: readonly [string, string, unknown],
  source: MountSpec['origin'] | undefined,
): WcError {
  const what = source === undefined || source.path === '' ? attribute : `${source.path}: ${attribute}`;
  return new WcError(
    'ERR_COMPOSE_UNSUPPORTED',
    `${what} needs a Docker Engine with API ${api}; this one has ${engine.apiVersion}`,
    {
      source,
      hint: 'use a newer Docker Engine, or leave it out',
    },
  );
}
