import type { ContainerService, Healthcheck, PullPolicy } from '../model/project.ts';
import { ATTRIBUTE_USE } from './attribute-use.ts';
import type { Conversion } from './conversion.ts';
import { child, entriesOf, isNull, itemsOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { printable, saysNothing } from './printable.ts';
import { SERVICE } from './service-attributes.ts';
import { ruleOf } from './canonical.ts';
import type { Path } from './source-file.ts';
import { execProbe, healthTimes, isDisabled } from './to-healthcheck.ts';
import { toCommon } from './to-service.ts';

export function toContainer(name: string, node: Node, conversion: Conversion): ContainerService {
  const path = ['services', name];
  for (const [key, value] of entriesOf(node)) checkUse(key, value, path, conversion);
  checkNetworks(child(node, 'networks'), path, conversion);
  const image = textOf(child(node, 'image')) ?? '';
  return {
    ...toCommon(name, node, conversion),
    kind: 'container',
    networkMode: textOf(child(node, 'network_mode')),
    healthcheck: healthcheck(child(node, 'healthcheck')),
    image,
    pullPolicy: pullPolicy(child(node, 'pull_policy'), path, conversion),
    platform: textOf(child(node, 'platform')),
    command: words(child(node, 'command')),
    entrypoint: words(child(node, 'entrypoint')),
    engine: engineAttributes(node),
  };
}

function checkUse(key: string, value: Node, path: Path, conversion: Conversion): void {
  const use = ATTRIBUTE_USE[key];
  if (use === undefined || saysNothing(value, ruleOf(SERVICE, key))) return;
  if (use.container === 'warned') conversion.warn(value, [...path, key], `is ignored: ${use.note}`);
  if (use.container !== 'later') return;
  const hint = key === 'build' ? 'build it with docker build and name the result with image:' : undefined;
  conversion.unsupported(value, [...path, key], 'is not supported yet', hint);
}

/** Keys of a service's connection to a network that the driver is not told of yet. */
const CONNECTION_LATER = [
  'ipv6_address',
  'link_local_ips',
  'mac_address',
  'driver_opts',
  'interface_name',
  'gw_priority',
];

function checkNetworks(networks: Node | undefined, path: Path, conversion: Conversion): void {
  for (const [name, connection] of entriesOf(networks)) {
    for (const key of CONNECTION_LATER) {
      const value = child(connection, key);
      if (value !== undefined) conversion.unsupported(value, [...path, 'networks', name, key], 'is not supported yet');
    }
  }
}

/** By their compose names; limits of `deploy` stand beside the older attributes that mean the same. */
function engineAttributes(node: Node): Readonly<Record<string, unknown>> {
  const found: [string, unknown][] = [];
  for (const [key, value] of entriesOf(node)) {
    const rule = ruleOf(SERVICE, key);
    if (ATTRIBUTE_USE[key]?.container !== 'engine' || saysNothing(value, rule)) continue;
    found.push([key, printable(value, rule, false)]);
  }
  const present = new Set(found.map(([key]) => key));
  const resources = child(node, 'deploy', 'resources');
  for (const [key, keys] of DEPLOY_LIMITS) {
    const value = child(resources, ...keys);
    if (value === undefined || present.has(key)) continue;
    found.push([key, printable(value, { kind: 'any' }, false)]);
  }
  return Object.fromEntries(found);
}

const DEPLOY_LIMITS: readonly (readonly [string, readonly string[]])[] = [
  ['cpus', ['limits', 'cpus']],
  ['pids_limit', ['limits', 'pids']],
  ['mem_reservation', ['reservations', 'memory']],
  ['gpus', ['reservations', 'devices']],
];

function healthcheck(node: Node | undefined): Healthcheck | undefined {
  if (node === undefined) return undefined;
  if (isDisabled(node)) return { probe: { type: 'none' } };
  return { probe: execProbe(node) ?? { type: 'image' }, ...healthTimes(node) };
}

function pullPolicy(node: Node | undefined, path: Path, conversion: Conversion): PullPolicy {
  const text = textOf(node) ?? 'missing';
  if (text === 'if_not_present') return 'missing';
  if (text === 'always' || text === 'missing' || text === 'never' || text === 'build') return text;
  if (node !== undefined) conversion.unsupported(node, [...path, 'pull_policy'], `${text} is not supported yet`);
  return 'missing';
}

/** Undefined: the image's own. */
export function words(node: Node | undefined): readonly string[] | undefined {
  if (node === undefined || isNull(node)) return undefined;
  return itemsOf(node).flatMap((word) => textOf(word) ?? []);
}
