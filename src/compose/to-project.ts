import type { Warning } from '../model/diagnostic.ts';
import type { NetworkSpec, Project, Service, VolumeSpec } from '../model/project.ts';
import { Conversion } from './conversion.ts';
import { isWasm } from './is-wasm.ts';
import type { LoadedModel } from './load-model.ts';
import { child, entriesOf, isTrue, itemsOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { networkHash, volumeHash } from './service-hash.ts';
import { toContainer } from './to-container.ts';
import { toWasm } from './to-wasm.ts';

/**
 * The project that runs: from the compose model, which says everything that compose can say, to what the supervisor
 * and its drivers do. What they cannot do is ERR_COMPOSE_UNSUPPORTED at its place.
 */
export function toProject(loaded: LoadedModel): { readonly project: Project; readonly warnings: readonly Warning[] } {
  const conversion = new Conversion(loaded);
  const { root } = conversion;
  const services = toServices(conversion);
  const networks = entriesOf(child(root, 'networks')).map(
    ([key, node]) => [key, toNetwork(key, node, conversion)] as const,
  );
  const volumes = entriesOf(child(root, 'volumes')).map(
    ([key, node]) => [key, toVolume(key, node, conversion)] as const,
  );
  const catalogs = child(root, 'x-wcompose', 'catalogs');
  if (catalogs !== undefined) conversion.unsupported(catalogs, ['x-wcompose', 'catalogs'], 'is not supported yet');
  conversion.finish();
  return {
    project: {
      version: 1,
      name: loaded.name,
      workingDir: loaded.directory,
      files: loaded.files.map((file) => file.path),
      services: Object.fromEntries(services),
      otherServices: loaded.services.filter((name) => !services.has(name)),
      networks: Object.fromEntries(networks),
      volumes: Object.fromEntries(volumes),
    },
    warnings: conversion.warnings,
  };
}

/** What is wrong with a service that was not asked for is no error: it is left out. */
function toServices(conversion: Conversion): ReadonlyMap<string, Service> {
  const services = new Map<string, Service>();
  for (const [name, node] of entriesOf(child(conversion.root, 'services'))) {
    const asked = conversion.loaded.selected.has(name);
    const own = asked ? conversion : new Conversion(conversion.loaded);
    const service = isWasm(node) ? toWasm(name, node, own) : toContainer(name, node, own);
    if (service !== undefined && (asked || !own.failed)) services.set(name, service);
  }
  for (const [name, service] of services) {
    const dependsOn = service.dependsOn.filter((dependency) => services.has(dependency.service));
    if (dependsOn.length < service.dependsOn.length) services.set(name, { ...service, dependsOn });
  }
  return services;
}

function toNetwork(key: string, node: Node, conversion: Conversion): NetworkSpec {
  const path = ['networks', key];
  const external = isTrue(child(node, 'external'));
  return {
    key,
    name: textOf(child(node, 'name')) ?? key,
    external,
    internal: isTrue(child(node, 'internal')),
    ...(external ? {} : addressing(node)),
    driver: textOf(child(node, 'driver')),
    driverOpts: texts(child(node, 'driver_opts')),
    labels: texts(child(node, 'labels')),
    configHash: external ? undefined : networkHash(node),
    source: conversion.source(node, path),
  };
}

/** Nothing where it is not said: the Engine decides. */
function addressing(node: Node): Pick<NetworkSpec, 'ipam' | 'enableIpv4' | 'enableIpv6' | 'attachable'> {
  const ipam = child(node, 'ipam');
  const pools = itemsOf(child(ipam, 'config')).map((pool) => ({
    subnet: textOf(child(pool, 'subnet')),
    ipRange: textOf(child(pool, 'ip_range')),
    gateway: textOf(child(pool, 'gateway')),
    auxAddresses: texts(child(pool, 'aux_addresses')),
  }));
  const flag = (key: string, name: string): object => {
    const value = child(node, name);
    return value?.kind === 'scalar' && typeof value.value === 'boolean' ? { [key]: value.value } : {};
  };
  return {
    ...(entriesOf(ipam).length === 0
      ? {}
      : { ipam: { driver: textOf(child(ipam, 'driver')), options: texts(child(ipam, 'options')), pools } }),
    ...flag('enableIpv4', 'enable_ipv4'),
    ...flag('enableIpv6', 'enable_ipv6'),
    ...flag('attachable', 'attachable'),
  };
}

function toVolume(key: string, node: Node, conversion: Conversion): VolumeSpec {
  const external = isTrue(child(node, 'external'));
  return {
    key,
    name: textOf(child(node, 'name')) ?? key,
    external,
    driver: textOf(child(node, 'driver')),
    driverOpts: texts(child(node, 'driver_opts')),
    labels: texts(child(node, 'labels')),
    configHash: external ? undefined : volumeHash(node),
    source: conversion.source(node, ['volumes', key]),
  };
}

function texts(node: Node | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(entriesOf(node).map(([key, value]) => [key, textOf(value) ?? '']));
}
