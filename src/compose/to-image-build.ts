import { isAbsolute, join } from 'node:path';

import type { SourceRef } from '../model/diagnostic.ts';
import type { BuildSecret, ImageBuild } from '../model/image-build.ts';
import type { PullPolicy } from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { child, entriesOf, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { durationMs } from './scalar-types.ts';
import { saysNothing } from './printable.ts';
import { ruleOf } from './canonical.ts';
import { BUILD } from './service-attributes.ts';
import type { Path } from './source-file.ts';

/** `build:` of a service; undefined where it has none. */
export function toImageBuild(name: string, node: Node, conversion: Conversion): ImageBuild | undefined {
  const build = child(node, 'build');
  if (build === undefined || build.kind !== 'map') return undefined;
  const path = ['services', name, 'build'];
  const text = (key: string): string | undefined => textOf(child(build, key));
  const texts = (key: string): readonly string[] => itemsOf(child(build, key)).flatMap((item) => textOf(item) ?? []);
  const shm = text('shm_size');
  return {
    context: text('context') ?? conversion.loaded.directory,
    dockerfile: child(build, 'dockerfile_inline') === undefined ? text('dockerfile') : undefined,
    dockerfileInline: text('dockerfile_inline'),
    args: nullable(child(build, 'args')),
    labels: Object.fromEntries(entriesOf(child(build, 'labels')).map(([key, value]) => [key, textOf(value) ?? ''])),
    target: text('target'),
    network: text('network'),
    shmBytes: shm === undefined ? undefined : Number(shm),
    isolation: text('isolation'),
    extraHosts: texts('extra_hosts').map((entry) => entry.replace('=', ':')),
    ulimits: ulimits(child(build, 'ulimits')),
    cacheFrom: texts('cache_from'),
    cacheTo: texts('cache_to'),
    noCache: isTrue(child(build, 'no_cache')),
    noCacheFilter: texts('no_cache_filter'),
    pull: isTrue(child(build, 'pull')),
    tags: texts('tags'),
    platforms: texts('platforms'),
    additionalContexts: Object.fromEntries(
      entriesOf(child(build, 'additional_contexts')).map(([key, value]) => [key, textOf(value) ?? '']),
    ),
    secrets: itemsOf(child(build, 'secrets')).flatMap((item, index) =>
      secret(item, [...path, 'secrets', index], conversion),
    ),
    ssh: nullable(child(build, 'ssh')),
    entitlements: texts('entitlements'),
    privileged: isTrue(child(build, 'privileged')),
    provenance: text('provenance'),
    sbom: text('sbom'),
    source: conversion.source(build, path),
    places: places(build, path, conversion),
  };
}

/** `daily`, `weekly` and `every_<duration>` beside the policies that docker has always had. */
export function toPullPolicy(node: Node, path: Path, conversion: Conversion): PullPolicy | undefined {
  const policy = child(node, 'pull_policy');
  const text = textOf(policy);
  if (policy === undefined || text === undefined) return undefined;
  switch (text) {
    case 'if_not_present':
      return 'missing';
    case 'always':
    case 'missing':
    case 'never':
    case 'build':
      return text;
    case 'daily':
      return `every:${DAY_MS}`;
    case 'weekly':
      return `every:${7 * DAY_MS}`;
  }
  const period = text === 'refresh' ? textOf(child(node, 'pull_refresh_after')) : text.replace(/^every_/, '');
  const ms = period === undefined ? DAY_MS : durationMs(period);
  if (ms !== undefined) return `every:${ms}`;
  conversion.invalid(policy, [...path, 'pull_policy'], `"${text}" names no duration`, 'write it as every_12h');
  return undefined;
}

const DAY_MS = 24 * 3_600_000;

function nullable(node: Node | undefined): Readonly<Record<string, string | null>> {
  return Object.fromEntries(entriesOf(node).map(([key, value]) => [key, textOf(value) ?? null]));
}

function ulimits(node: Node | undefined): ImageBuild['ulimits'] {
  const found = entriesOf(node).map(([key, value]) => {
    const single = numberOf(child(value, 'single'));
    const soft = single ?? numberOf(child(value, 'soft')) ?? 0;
    return [key, { soft, hard: single ?? numberOf(child(value, 'hard')) ?? soft }] as const;
  });
  return Object.fromEntries(found);
}

function secret(item: Node, path: Path, conversion: Conversion): readonly BuildSecret[] {
  const name = textOf(child(item, 'source')) ?? '';
  const declared = child(conversion.root, 'secrets', name);
  const id = textOf(child(item, 'target')) ?? name;
  const file = textOf(child(declared, 'file'));
  const environment = textOf(child(declared, 'environment'));
  if (file !== undefined) {
    return [{ id, file: isAbsolute(file) ? file : join(conversion.loaded.directory, file) }];
  }
  if (environment !== undefined) return [{ id, environment }];
  conversion.unsupported(item, path, `secret ${name} has neither file nor environment`, 'a build can use those two');
  return [];
}

function places(build: Node, path: Path, conversion: Conversion): Readonly<Record<string, SourceRef>> {
  const found = entriesOf(build)
    .filter(([key, value]) => !saysNothing(value, ruleOf(BUILD, key)))
    .map(([key, value]) => [key, conversion.source(value, [...path, key])] as const);
  return Object.fromEntries(found);
}
