import { basename } from 'node:path';

import type {
  CgiOptions,
  HttpOptions,
  Healthcheck,
  ModuleBuild,
  ModuleRef,
  MountSpec,
  WasmService,
} from '../model/project.ts';
import { ATTRIBUTE_USE } from './attribute-use.ts';
import { ruleOf } from './canonical.ts';
import type { Conversion } from './conversion.ts';
import { child, entriesOf, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { saysNothing } from './printable.ts';
import { durationMs } from './scalar-types.ts';
import { SERVICE } from './service-attributes.ts';
import type { Path } from './source-file.ts';
import { limitsOf } from './to-wasm-limits.ts';
import { execProbe, healthTimes, httpProbe, isDisabled } from './to-healthcheck.ts';
import { toFiles } from './to-files.ts';
import { toImageBuild, toPullPolicy } from './to-image-build.ts';
import { tmpfsMount, toMounts } from './to-mounts.ts';
import { toCommon, words } from './to-service.ts';
import { connectTarget } from './x-wasm.ts';

export function toWasm(name: string, node: Node, conversion: Conversion): WasmService | undefined {
  const path = ['services', name];
  for (const [key, value] of entriesOf(node)) checkUse(key, value, path, conversion);
  checkConnections(node, path, conversion);
  const own = child(node, 'x-wasm');
  const module = moduleOf(name, node, own, conversion);
  if (module === undefined) return undefined;
  const common = toCommon(name, node, conversion);
  toFiles(name, node, true, conversion);
  const hostname = textOf(child(node, 'hostname'));
  const outbound = child(own, 'outbound');
  const swap = child(own, 'swap');
  if (swap !== undefined && textOf(swap) === 'overlap') {
    conversion.warn(swap, [...path, 'x-wasm', 'swap'], 'overlap is not done yet: the old instance is stopped first');
  }
  return {
    ...common,
    kind: 'wasm',
    environment: hostname === undefined ? common.environment : { HOSTNAME: hostname, ...common.environment },
    ...networkMode(child(node, 'network_mode'), path, conversion),
    mounts: [...common.mounts, ...moreMounts(node, path, conversion)],
    healthcheck: healthcheck(node, path, conversion),
    module,
    build: buildOf(own, path, conversion),
    ...(module.from === 'oci'
      ? { imageBuild: toImageBuild(name, node, conversion), pullPolicy: toPullPolicy(node, path, conversion) }
      : {}),
    stdinOpen: isTrue(child(node, 'stdin_open')) ? true : undefined,
    args: [...(words(child(node, 'entrypoint')) ?? []), ...(words(child(node, 'command')) ?? [])],
    interface: choice(own, 'interface', 'auto'),
    engine: choice(own, 'engine', 'native'),
    isolation: choice(own, 'isolation', 'worker'),
    limits: limitsOf(node, path, conversion),
    listenFd: numberOf(child(own, 'listen_fd')),
    connect: connectOf(own, path, conversion),
    outbound: outbound === undefined ? undefined : itemsOf(outbound).flatMap((item) => textOf(item) ?? []),
    swap: choice(own, 'swap', 'overlap'),
    cgi: cgiOf(own, path, conversion),
    http: httpOf(own, path, conversion),
  };
}

function checkUse(key: string, value: Node, path: Path, conversion: Conversion): void {
  const use = ATTRIBUTE_USE[key];
  if (use === undefined || saysNothing(value, ruleOf(SERVICE, key))) return;
  const at = [...path, key];
  if (use.wasm === 'warned') conversion.warn(value, at, `is ignored for a Wasm service: ${use.note}`);
  if (use.wasm === 'refused') {
    conversion.unsupported(value, at, `cannot be for a Wasm service: ${use.note}`, 'leave it out, or run a container');
  }
  if (use.wasm === 'later') conversion.unsupported(value, at, 'is not supported yet for a Wasm service');
}

/** What `deploy`, `networks` and `links` say that is only for containers. */
function checkConnections(node: Node, path: Path, conversion: Conversion): void {
  for (const [name, connection] of entriesOf(child(node, 'networks'))) {
    for (const [key, value] of entriesOf(connection)) {
      if (key === 'aliases' || key === 'ipv4_address' || key.startsWith('x-')) continue;
      conversion.warn(value, [...path, 'networks', name, key], 'is ignored for a Wasm service: it has no network card');
    }
  }
  for (const [index, link] of itemsOf(child(node, 'links')).entries()) {
    const [service, alias] = (textOf(link) ?? '').split(':');
    if (alias === undefined || alias === service) continue;
    const hint = 'give the other service the name with networks.<name>.aliases';
    conversion.unsupported(link, [...path, 'links', index], 'an alias is not supported yet for a Wasm service', hint);
  }
  for (const keys of [
    ['reservations', 'cpus'],
    ['reservations', 'memory'],
  ]) {
    const value = child(node, 'deploy', 'resources', ...keys);
    const at = [...path, 'deploy', 'resources', ...keys];
    if (value !== undefined) conversion.warn(value, at, 'is ignored for a Wasm service: there are no control groups');
  }
  const devices = child(node, 'deploy', 'resources', 'reservations', 'devices');
  if (devices !== undefined) {
    const at = [...path, 'deploy', 'resources', 'reservations', 'devices'];
    conversion.unsupported(devices, at, 'cannot be for a Wasm service: a module cannot open devices');
  }
}

function moduleOf(name: string, node: Node, own: Node | undefined, conversion: Conversion): ModuleRef | undefined {
  const path = ['services', name];
  const file = textOf(child(own, 'module'));
  const build = child(own, 'build');
  const output = textOf(child(build, 'output'));
  if (build !== undefined && file !== undefined && output !== undefined && file !== output) {
    const hint = `leave out x-wasm.module, or let both name ${basename(output)}`;
    conversion.invalid(build, [...path, 'x-wasm', 'build', 'output'], 'is another file than x-wasm.module', hint);
  }
  const found = file ?? output;
  if (found !== undefined) return { from: 'file', path: found };
  const wanted = ['runtime', 'spin'].map((key) => [key, child(own, key)] as const).find(([, value]) => value);
  const [key, value] = wanted ?? ['', undefined];
  if (value !== undefined) {
    conversion.unsupported(value, [...path, 'x-wasm', key], 'is not supported yet', MODULE_HINT);
    return undefined;
  }
  const image = textOf(child(node, 'image')) || undefined;
  if (image !== undefined || child(node, 'build') !== undefined) {
    return {
      from: 'oci',
      reference: image ?? `${conversion.loaded.name}-${name}`,
      entrypoint: words(child(node, 'entrypoint')),
      command: words(child(node, 'command')),
    };
  }
  conversion.unsupported(own ?? node, path, 'a Wasm service needs a module', MODULE_HINT);
  return undefined;
}

function buildOf(own: Node | undefined, path: Path, conversion: Conversion): ModuleBuild | undefined {
  const build = child(own, 'build');
  const output = textOf(child(build, 'output'));
  const command = words(child(build, 'command'));
  if (build === undefined || output === undefined || command === undefined) return undefined;
  return { command, output, source: conversion.source(build, [...path, 'x-wasm', 'build']) };
}

const MODULE_HINT = 'name it with x-wasm: {module: ./path/to/file.wasm}, or an image with image: or build:';

/** `none` is no network at all; what else there is belongs to containers. */
function networkMode(
  mode: Node | undefined,
  path: Path,
  conversion: Conversion,
): { readonly networkMode?: string; readonly networks?: readonly [] } {
  const text = textOf(mode);
  if (mode === undefined || text === undefined) return {};
  if (text === 'none') return { networkMode: 'none', networks: [] };
  conversion.unsupported(mode, [...path, 'network_mode'], `${text} is not supported for a Wasm service`, 'none is');
  return {};
}

/** `tmpfs` and `volumes_from`. */
function moreMounts(node: Node, path: Path, conversion: Conversion): readonly MountSpec[] {
  const memory = itemsOf(child(node, 'tmpfs')).map((item, index) =>
    tmpfsMount(item, [...path, 'tmpfs', index], conversion),
  );
  const borrowed = itemsOf(child(node, 'volumes_from')).flatMap((item, index) => {
    const [from = '', mode] = (textOf(item) ?? '').split(':');
    const other = conversion.service(from);
    if (other !== undefined) {
      const mounts = toMounts(from, other, conversion);
      return mode === 'ro' ? mounts.map((mount) => ({ ...mount, readOnly: true })) : mounts;
    }
    conversion.unsupported(item, [...path, 'volumes_from', index], 'only services of this file can be named');
    return [];
  });
  return [...memory, ...borrowed];
}

/** A module cannot be entered, so the test is made from outside: a request, or a connection. */
function healthcheck(node: Node, path: Path, conversion: Conversion): Healthcheck | undefined {
  const said = child(node, 'healthcheck');
  const own = child(node, 'x-wasm', 'healthcheck');
  if (said !== undefined && isDisabled(said)) return { probe: { type: 'none' } };
  const times = healthTimes(said);
  const http = child(own, 'http');
  const port = numberOf(child(own, 'tcp', 'port'));
  if (http !== undefined) {
    const probe = {
      type: 'http',
      port: numberOf(child(http, 'port')) ?? 80,
      path: textOf(child(http, 'path')) ?? '/',
    } as const;
    return { probe, ...times };
  }
  if (port !== undefined) return { probe: { type: 'tcp', port }, ...times };
  if (said === undefined) return undefined;
  const test = execProbe(said);
  const probe = test === undefined ? undefined : httpProbe(test);
  if (probe !== undefined) return { probe, ...times };
  const what =
    test === undefined ? 'has no test, and a module has none of its own' : 'no command can be run inside of a module';
  const hint = 'say x-wasm: {healthcheck: {http: {port: 8080, path: /healthz}}} or {tcp: {port: 8080}}';
  conversion.unsupported(said, [...path, 'healthcheck'], what, hint);
  return undefined;
}

/** How an instance answers requests; only with the interface that has requests. */
function cgiOf(own: Node | undefined, path: Path, conversion: Conversion): CgiOptions | undefined {
  const said = child(own, 'cgi');
  if (said === undefined) return undefined;
  if (textOf(child(own, 'interface')) !== 'cgi') {
    conversion.invalid(said, [...path, 'x-wasm', 'cgi'], 'is for `interface: cgi` only', 'add interface: cgi');
  }
  const bytes = textOf(child(said, 'body_limit'));
  return {
    concurrency: numberOf(child(said, 'concurrency')),
    queue: numberOf(child(said, 'queue')),
    timeoutMs: durationMs(textOf(child(said, 'timeout')) ?? ''),
    bodyLimitBytes: bytes === undefined ? undefined : Number(bytes),
    root: textOf(child(said, 'root')),
    script: textOf(child(said, 'script')),
  };
}

function connectOf(own: Node | undefined, path: Path, conversion: Conversion): WasmService['connect'] {
  const said = child(own, 'connect');
  if (said === undefined) return undefined;
  return itemsOf(said).flatMap((item, index) => {
    const target = connectTarget(textOf(item) ?? '');
    if (target === undefined) return [];
    return [{ ...target, source: conversion.source(item, [...path, 'x-wasm', 'connect', index]) }];
  });
}

/** Only with the interfaces that components can have. */
function httpOf(own: Node | undefined, path: Path, conversion: Conversion): HttpOptions | undefined {
  const said = child(own, 'http');
  if (said === undefined) return undefined;
  const wanted = textOf(child(own, 'interface')) ?? 'auto';
  if (wanted !== 'auto' && wanted !== 'http') {
    conversion.invalid(said, [...path, 'x-wasm', 'http'], 'is for `interface: http` only', 'leave it out');
  }
  return { instances: textOf(child(said, 'instances')) === 'kept' ? 'kept' : 'per-request' };
}

function choice<K extends 'interface' | 'engine' | 'isolation' | 'swap'>(
  own: Node | undefined,
  key: K,
  otherwise: WasmService[K],
): WasmService[K] {
  // The rule of the attribute has made sure that it is one of them.
  return (textOf(child(own, key)) as WasmService[K] | undefined) ?? otherwise;
}
