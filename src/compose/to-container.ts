import type { ContainerService, Healthcheck } from '../model/project.ts';
import { ATTRIBUTE_USE } from './attribute-use.ts';
import type { Conversion } from './conversion.ts';
import { isWasm } from './is-wasm.ts';
import { serviceConfig } from './service-hash.ts';
import { child, entriesOf, itemsOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { printable, saysNothing } from './printable.ts';
import { any } from './rules.ts';
import { SERVICE } from './service-attributes.ts';
import { ruleOf } from './canonical.ts';
import type { Path } from './source-file.ts';
import { execProbe, healthTimes, isDisabled } from './to-healthcheck.ts';
import { toFiles } from './to-files.ts';
import { toImageBuild, toPullPolicy } from './to-image-build.ts';
import { toCommon, words } from './to-service.ts';

export function toContainer(name: string, node: Node, conversion: Conversion): ContainerService {
  const path = ['services', name];
  for (const [key, value] of entriesOf(node)) checkUse(key, value, path, conversion);
  checkReferences(node, path, conversion);
  const files = toFiles(name, node, false, conversion);
  return {
    ...toCommon(name, node, conversion),
    kind: 'container',
    networkMode: textOf(child(node, 'network_mode')),
    healthcheck: healthcheck(child(node, 'healthcheck')),
    // What is built and has no name gets the one that docker compose gives it.
    image: textOf(child(node, 'image')) || `${conversion.loaded.name}-${name}`,
    pullPolicy: toPullPolicy(node, path, conversion) ?? 'missing',
    imageBuild: toImageBuild(name, node, conversion),
    ...(files.length === 0 ? {} : { files }),
    platform: textOf(child(node, 'platform')),
    command: words(child(node, 'command')),
    entrypoint: words(child(node, 'entrypoint')),
    config: serviceConfig(node, child(conversion.root, 'x-wcompose', 'publish')),
    engine: engineAttributes(node, conversion),
  };
}

function checkUse(key: string, value: Node, path: Path, conversion: Conversion): void {
  const use = ATTRIBUTE_USE[key];
  if (use === undefined || saysNothing(value, ruleOf(SERVICE, key))) return;
  if (use.container === 'warned') conversion.warn(value, [...path, key], `is ignored: ${use.note}`);
  if (use.container !== 'later') return;
  conversion.unsupported(value, [...path, key], 'is not supported yet');
}

function checkReferences(node: Node, path: Path, conversion: Conversion): void {
  for (const key of ['network_mode', 'ipc', 'pid', 'uts', 'cgroup']) {
    const value = child(node, key);
    const name = /^service:(.*)$/.exec(textOf(value) ?? '')?.[1];
    if (value === undefined || name === undefined || !isWasmService(name, conversion)) continue;
    conversion.unsupported(value, [...path, key], `${name} is a Wasm service, which has no namespaces to share`);
  }
  checkItems(node, 'links', 'give it the name with networks.<name>.aliases', path, conversion);
  checkItems(node, 'volumes_from', 'repeat its volumes', path, conversion);
}

/** The Engine has no container that it could link to. */
function checkItems(node: Node, key: 'links' | 'volumes_from', hint: string, path: Path, conversion: Conversion): void {
  for (const [index, item] of itemsOf(child(node, key)).entries()) {
    const [name = '', option = name] = (textOf(item) ?? '').split(':');
    // A link without another name says no more than the network does.
    if (!isWasmService(name, conversion) || (key === 'links' && option === name)) continue;
    conversion.unsupported(item, [...path, key, index], `${name} is a Wasm service, this is not supported yet`, hint);
  }
}

function isWasmService(name: string, conversion: Conversion): boolean {
  const service = conversion.service(name);
  return service !== undefined && isWasm(service);
}

/** By their compose names; limits of `deploy` stand beside the older attributes that mean the same. */
function engineAttributes(node: Node, conversion: Conversion): Readonly<Record<string, unknown>> {
  const found: [string, unknown][] = [];
  for (const [key, value] of entriesOf(node)) {
    const rule = ruleOf(SERVICE, key);
    if (ATTRIBUTE_USE[key]?.container !== 'engine' || saysNothing(value, rule)) continue;
    found.push([key, printable(withoutWasmLinks(key, value, conversion), rule, { full: false })]);
  }
  const present = new Set(found.map(([key]) => key));
  const resources = child(node, 'deploy', 'resources');
  for (const [key, keys] of DEPLOY_LIMITS) {
    const value = child(resources, ...keys);
    if (value === undefined || present.has(key)) continue;
    found.push([key, printable(value, any, { full: false })]);
  }
  return Object.fromEntries(found);
}

/** Wasm services are found by their names; the Engine has no container to link to. */
function withoutWasmLinks(key: string, value: Node, conversion: Conversion): Node {
  if (key !== 'links' || value.kind !== 'list') return value;
  const kept = value.items.filter((item) => !isWasmService((textOf(item) ?? '').split(':')[0] ?? '', conversion));
  return { ...value, items: kept };
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
