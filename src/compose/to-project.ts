import type { Warning } from '../model/diagnostic.ts';
import type { NetworkSpec, Project, Service, VolumeSpec } from '../model/project.ts';
import { Conversion } from './conversion.ts';
import { isWasm } from './is-wasm.ts';
import type { LoadedModel } from './load-model.ts';
import { child, entriesOf, isTrue, textOf } from './node.ts';
import type { Node } from './node.ts';
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

/** Keys of a network that the Engine's driver is not told of yet, and that change what the services see. */
const NETWORK_LATER = ['ipam', 'enable_ipv6', 'enable_ipv4', 'attachable'];

function toNetwork(key: string, node: Node, conversion: Conversion): NetworkSpec {
  const path = ['networks', key];
  const external = isTrue(child(node, 'external'));
  for (const name of NETWORK_LATER) {
    const value = child(node, name);
    if (value === undefined || external || (value.kind === 'map' && value.entries.size === 0)) continue;
    conversion.unsupported(value, [...path, name], 'is not supported yet');
  }
  return {
    key,
    name: textOf(child(node, 'name')) ?? key,
    external,
    internal: isTrue(child(node, 'internal')),
    driver: textOf(child(node, 'driver')),
    driverOpts: texts(child(node, 'driver_opts')),
    labels: texts(child(node, 'labels')),
    source: conversion.source(node, path),
  };
}

function toVolume(key: string, node: Node, conversion: Conversion): VolumeSpec {
  return {
    key,
    name: textOf(child(node, 'name')) ?? key,
    external: isTrue(child(node, 'external')),
    driver: textOf(child(node, 'driver')),
    driverOpts: texts(child(node, 'driver_opts')),
    labels: texts(child(node, 'labels')),
    source: conversion.source(node, ['volumes', key]),
  };
}

function texts(node: Node | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(entriesOf(node).map(([key, value]) => [key, textOf(value) ?? '']));
}
