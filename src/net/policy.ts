import { isIPv6 } from 'node:net';

import type { InstanceId } from '../model/ids.ts';
import type { Project, Service, WasmService } from '../model/project.ts';
import type { ContainerEndpoint } from './fabric-engine.ts';
import { formatIpv4, inSubnet, parseMappedIpv4 } from './ipv4.ts';
import type { Subnet } from './ipv4.ts';
import { sharedNetworks } from './name-table.ts';
import { outboundAllows } from './outbound.ts';
import { describeIpv6, forbiddenIpv4, isLoopback } from './special-addresses.ts';
import { HOST_GATEWAY, isVirtual } from './virtual-addresses.ts';

/** Where a connection of a Wasm instance goes. */
export type Destination =
  /** Another Wasm instance, or the caller itself. */
  | { readonly to: 'instance'; readonly id: InstanceId }
  /** A container, or whatever else is on a network the service is on. */
  | { readonly to: 'network'; readonly address: string }
  /** The host's loopback. */
  | { readonly to: 'host' }
  | { readonly to: 'outside'; readonly address: string }
  | {
      readonly to: 'refused';
      readonly errno: 'EACCES' | 'EHOSTUNREACH' | 'ENETUNREACH';
      readonly reason: string;
    };

export interface Peer {
  readonly id: InstanceId;
  readonly service: WasmService;
  readonly addresses: readonly string[];
}

/** Everything the decision depends on. */
export interface World {
  readonly project: Project;
  /** Attached Wasm instances, the caller among them. */
  readonly peers: readonly Peer[];
  readonly endpoints: readonly ContainerEndpoint[];
  /** By the Engine's network name. */
  readonly subnets: ReadonlyMap<string, readonly Subnet[]>;
  readonly host: () => HostAddresses;
  /** Names for which the caller was given this address. */
  readonly namesOf: (address: string) => readonly string[];
}

/** What the host's own interfaces say. */
export interface HostAddresses {
  readonly own: ReadonlySet<number>;
  /** Bridges of Docker networks, also of other projects. */
  readonly bridges: readonly { readonly name: string; readonly subnet: Subnet }[];
}

/** The one rule of who may connect where; decided on the address that is connected to, never on a name. */
export function decide(world: World, caller: Peer, address: string, port: number): Destination {
  const refuse = (errno: Refusal['errno'], rule: string): Refusal => ({
    to: 'refused',
    errno,
    reason: `${caller.id} may not connect to ${address} port ${port}: ${rule}`,
  });
  const parsed = parseMappedIpv4(address);
  if (parsed === undefined) {
    return isIPv6(address)
      ? refuse('ENETUNREACH', `the address is ${describeIpv6(address)}`)
      : refuse('EHOSTUNREACH', 'that is no address');
  }
  const plain = formatIpv4(parsed);
  const target: Target = { number: parsed, address: plain, port, names: namesOf(world, caller, plain) };
  if (isLoopback(parsed)) return loopback(caller);
  if (plain === HOST_GATEWAY) return hostGateway(caller.service, target, refuse);
  const peer = world.peers.find((one) => one.addresses.includes(plain));
  if (peer !== undefined) return instance(caller, peer, refuse);
  const forbidden = forbiddenIpv4(parsed);
  if (forbidden !== undefined) return refuse('EACCES', `the address is ${forbidden}`);
  return onNetworks(world, caller, target, refuse) ?? outside(world, caller.service, target, refuse);
}

/** Names the caller has been told to stand for the address: by answers, or by its own /etc/hosts. */
function namesOf(world: World, caller: Peer, address: string): readonly string[] {
  const hosts = Object.entries(caller.service.extraHosts).filter(([, addresses]) =>
    addresses.some((one) => (one === 'host-gateway' ? HOST_GATEWAY : one) === address),
  );
  return [...world.namesOf(address), ...hosts.map(([name]) => name)];
}

/** Can the service reach what is outside of its networks at all? */
export function hasWayOut(project: Project, service: Service): boolean {
  if (service.networkMode !== undefined) return service.networkMode !== 'none';
  return service.networks.some(({ network }) => project.networks[network]?.internal === false);
}

type Refusal = Extract<Destination, { readonly to: 'refused' }>;
type Refuse = (errno: Refusal['errno'], rule: string) => Refusal;

interface Target {
  readonly number: number;
  readonly address: string;
  readonly port: number;
  readonly names: readonly string[];
}

/** The loopback of an instance is its own, as in a container; with `network_mode: host` it is the host's. */
function loopback(caller: Peer): Destination {
  return caller.service.networkMode === 'host' ? { to: 'host' } : { to: 'instance', id: caller.id };
}

function hostGateway(service: WasmService, target: Target, refuse: Refuse): Destination {
  const named = Object.values(service.extraHosts).some((addresses) => addresses.includes('host-gateway'));
  if (!named) return refuse('EACCES', 'the host is reached only through `extra_hosts: ["name:host-gateway"]`');
  if (!outboundAllows(service.outbound, target)) return refuse('EACCES', NOT_IN_OUTBOUND);
  return { to: 'host' };
}

function instance(caller: Peer, peer: Peer, refuse: Refuse): Destination {
  if (peer.id === caller.id || sharedNetworks(caller.service, peer.service).length > 0) {
    return { to: 'instance', id: peer.id };
  }
  return refuse(
    'EHOSTUNREACH',
    `${peer.id} is on ${networkList(peer.service)}, ${caller.id} on ${networkList(caller.service)}`,
  );
}

/** Undefined: the address is on no Docker network, or it is the host's own on one of the service's networks. */
function onNetworks(world: World, caller: Peer, target: Target, refuse: Refuse): Destination | undefined {
  const { service } = caller;
  const networks = service.networks.map(({ network }) => world.project.networks[network]?.name ?? network);
  const contains = (name: string): boolean =>
    (world.subnets.get(name) ?? []).some((subnet) => inSubnet(target.number, subnet));
  const known = world.endpoints.some((one) => one.address === target.address && networks.includes(one.network));
  const host = world.host();
  if (known || networks.some(contains)) {
    return host.own.has(target.number) ? undefined : { to: 'network', address: target.address };
  }
  const other =
    [...world.subnets.keys()].find(contains) ??
    host.bridges.find((bridge) => inSubnet(target.number, bridge.subnet))?.name;
  if (other === undefined) return undefined;
  return refuse('EHOSTUNREACH', `it is on network ${other}, ${caller.id} is on ${networkList(service)}`);
}

function outside(world: World, service: WasmService, target: Target, refuse: Refuse): Destination {
  if (isVirtual(target.number)) return refuse('EHOSTUNREACH', 'no instance has that address');
  if (!hasWayOut(world.project, service)) {
    const why =
      service.networkMode === 'none' || service.networks.length === 0
        ? 'the service is on no network'
        : `the service is only on internal networks (${networkList(service)})`;
    return refuse('ENETUNREACH', why);
  }
  if (!outboundAllows(service.outbound, target)) return refuse('EACCES', NOT_IN_OUTBOUND);
  return { to: 'outside', address: target.address };
}

function networkList(service: Service): string {
  if (service.networkMode !== undefined) return `network_mode ${service.networkMode}`;
  const names = service.networks.map(({ network }) => network);
  return names.length === 0 ? 'no network' : names.join(', ');
}

const NOT_IN_OUTBOUND = '`outbound` does not list it';
