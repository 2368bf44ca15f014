import { serviceName } from '../model/ids.ts';
import type {
  Dependency,
  DependencyCondition,
  ExposedPort,
  PortSpec,
  RestartPolicy,
  ServiceCommon,
  ServiceNetwork,
} from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { isWasm } from './is-wasm.ts';
import { child, entriesOf, isNull, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { durationMs } from './scalar-types.ts';
import type { Path } from './source-file.ts';
import { toMounts } from './to-mounts.ts';

/** What both kinds of service have; the healthcheck differs. */
export function toCommon(name: string, node: Node, conversion: Conversion): Omit<ServiceCommon, 'healthcheck'> {
  const path = ['services', name];
  const text = (key: string): string | undefined => textOf(child(node, key));
  const memory = text('mem_limit') ?? textOf(child(node, 'deploy', 'resources', 'limits', 'memory'));
  return {
    name: serviceName(name),
    containerName: text('container_name'),
    replicas: replicas(node, path, conversion),
    environment: Object.fromEntries(
      entriesOf(child(node, 'environment')).map(([key, value]) => [key, textOf(value) ?? null]),
    ),
    labels: Object.fromEntries(entriesOf(child(node, 'labels')).map(([key, value]) => [key, textOf(value) ?? ''])),
    dependsOn: dependencies(node, conversion),
    ports: itemsOf(child(node, 'ports')).flatMap((port, index) =>
      toPort(port, [...path, 'ports', index], isWasm(node), conversion),
    ),
    expose: itemsOf(child(node, 'expose')).flatMap((item, index) =>
      expose(item, [...path, 'expose', index], conversion),
    ),
    networks: entriesOf(child(node, 'networks')).map(([key, value]) => toServiceNetwork(key, value)),
    extraHosts: extraHosts(child(node, 'extra_hosts')),
    mounts: toMounts(name, node, conversion),
    restart: restart(node, path, conversion),
    workingDir: text('working_dir'),
    user: text('user'),
    stopSignal: text('stop_signal'),
    attach: child(node, 'attach') === undefined ? undefined : isTrue(child(node, 'attach')),
    stopGraceMs: durationMs(text('stop_grace_period') ?? '') ?? STOP_GRACE_MS,
    memoryBytes: memory === undefined || memory === '0' ? undefined : Number(memory),
    source: conversion.source(node, path),
  };
}

/** Undefined: the image's own. */
export function words(node: Node | undefined): readonly string[] | undefined {
  if (node === undefined || isNull(node)) return undefined;
  return itemsOf(node).flatMap((word) => textOf(word) ?? []);
}

const STOP_GRACE_MS = 10_000;

function replicas(node: Node, path: Path, conversion: Conversion): number {
  const mode = child(node, 'deploy', 'mode');
  const text = textOf(mode) ?? 'replicated';
  // One on each machine of a cluster: this is one machine.
  if (mode !== undefined && text !== 'replicated' && text !== 'global') {
    conversion.unsupported(
      mode,
      [...path, 'deploy', 'mode'],
      `mode ${text} is not supported`,
      'replicated and global are',
    );
  }
  return numberOf(child(node, 'scale')) ?? numberOf(child(node, 'deploy', 'replicas')) ?? 1;
}

const CONDITIONS: Readonly<Record<string, DependencyCondition>> = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** A service that is not part of the run (its profile is off, and it is not required) is not waited for. */
function dependencies(node: Node, conversion: Conversion): readonly Dependency[] {
  return entriesOf(child(node, 'depends_on'))
    .filter(([name]) => conversion.service(name) !== undefined)
    .map(([name, value]) => ({
      service: serviceName(name),
      condition: CONDITIONS[textOf(child(value, 'condition')) ?? ''] ?? 'started',
      required: isTrue(child(value, 'required')),
      restart: isTrue(child(value, 'restart')),
    }));
}

function toPort(node: Node, path: Path, wasm: boolean, conversion: Conversion): readonly PortSpec[] {
  const target = numberOf(child(node, 'target')) ?? 0;
  const protocol = (textOf(child(node, 'protocol')) ?? 'tcp').toLowerCase();
  const published = textOf(child(node, 'published')) ?? '';
  if (protocol !== 'tcp' && protocol !== 'udp' && (protocol !== 'sctp' || wasm)) {
    const whose = wasm ? ' for a Wasm service' : '';
    const hint = wasm ? 'tcp and udp are' : 'tcp, udp and sctp are';
    conversion.unsupported(node, path, `protocol ${protocol} is not supported${whose}`, hint);
    return [];
  }
  if (published.includes('-') && wasm) {
    conversion.unsupported(
      node,
      path,
      `a range of host ports (${published}) for one port is not supported for a Wasm service`,
      'name one port, or none for any free one',
    );
    return [];
  }
  return [
    {
      target,
      ...publishedPorts(published),
      hostIp: textOf(child(node, 'host_ip') ?? child(conversion.root, 'x-wcompose', 'publish')) ?? '',
      protocol,
      source: conversion.source(node, path),
    },
  ];
}

/** `8080`, or a range of which one is taken; nothing and 0 stand for any free one. */
function publishedPorts(text: string): Pick<PortSpec, 'published' | 'publishedTo'> {
  const [first = '', last] = text.split('-');
  if (first === '' || first === '0') return { published: undefined };
  return last === undefined ? { published: Number(first) } : { published: Number(first), publishedTo: Number(last) };
}

/** `8000`, `8000-8010`, `53/udp` */
function expose(node: Node, path: Path, conversion: Conversion): readonly ExposedPort[] {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/i.exec(textOf(node) ?? '');
  const first = Number(found?.[1]);
  const last = Number(found?.[2] ?? first);
  if (found === null || last < first || last > 65_535 || first < 1) {
    conversion.invalid(node, path, `"${textOf(node)}" is no port`, 'write it as PORT or PORT/udp');
    return [];
  }
  const protocol = found[3]?.toLowerCase() === 'udp' ? 'udp' : 'tcp';
  return Array.from({ length: last - first + 1 }, (_unused, index) => ({ port: first + index, protocol }));
}

function toServiceNetwork(key: string, node: Node): ServiceNetwork {
  return {
    network: key,
    aliases: itemsOf(child(node, 'aliases')).flatMap((alias) => textOf(alias) ?? []),
    ipv4Address: textOf(child(node, 'ipv4_address')),
    ...engineConnection(node),
  };
}

/** What only the Engine makes something of; nothing where it is not said. */
function engineConnection(node: Node): Partial<ServiceNetwork> {
  const linkLocalIps = itemsOf(child(node, 'link_local_ips')).flatMap((item) => textOf(item) ?? []);
  const driverOpts = entriesOf(child(node, 'driver_opts'));
  return {
    ...known('ipv6Address', textOf(child(node, 'ipv6_address'))),
    ...known('macAddress', textOf(child(node, 'mac_address'))),
    ...known('interfaceName', textOf(child(node, 'interface_name'))),
    ...known('gatewayPriority', numberOf(child(node, 'gw_priority'))),
    ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    ...(driverOpts.length === 0
      ? {}
      : {
          driverOpts: Object.fromEntries(
            driverOpts.map(([key, value]) => [key, value.kind === 'scalar' ? String(value.value ?? '') : '']),
          ),
        }),
  };
}

function known(key: keyof ServiceNetwork, value: unknown): Partial<ServiceNetwork> {
  return value === undefined ? {} : { [key]: value };
}

function extraHosts(node: Node | undefined): Readonly<Record<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const item of itemsOf(node)) {
    const text = textOf(item) ?? '';
    const at = text.indexOf('=');
    const host = text.slice(0, at);
    found.set(host, [...(found.get(host) ?? []), text.slice(at + 1)]);
  }
  return Object.fromEntries(found);
}

function restart(node: Node, path: Path, conversion: Conversion): RestartPolicy {
  const said = child(node, 'restart');
  const policy = child(node, 'deploy', 'restart_policy');
  if (said === undefined) return policy === undefined ? { when: 'no' } : restartOfDeploy(policy, path, conversion);
  const text = textOf(said) ?? '';
  if (text === '' || text === 'no') return { when: 'no' };
  if (text === 'always' || text === 'unless-stopped') return { when: text };
  const failures = /^on-failure(?::(\d+))?$/.exec(text);
  if (failures !== null) {
    return { when: 'on-failure', maxRetries: failures[1] === undefined ? undefined : Number(failures[1]) };
  }
  conversion.invalid(said, [...path, 'restart'], `"${textOf(said)}" is no restart policy`, RESTART_HINT);
  return { when: 'no' };
}

const RESTART_HINT = 'it is no, always, unless-stopped or on-failure[:N]';

function restartOfDeploy(policy: Node, path: Path, conversion: Conversion): RestartPolicy {
  const condition = textOf(child(policy, 'condition')) ?? 'any';
  switch (condition) {
    case 'none':
      return { when: 'no' };
    case 'any':
      return { when: 'always' };
    case 'on-failure':
      return { when: 'on-failure', maxRetries: numberOf(child(policy, 'max_attempts')) };
    default:
      conversion.invalid(policy, [...path, 'deploy', 'restart_policy'], `condition ${condition} is unknown`);
      return { when: 'no' };
  }
}
