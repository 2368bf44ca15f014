import { isAbsolute, posix } from 'node:path';

import type { MountSpec } from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { child, isTrue, itemsOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { Path } from './source-file.ts';

/** `volumes`, `secrets` and `configs` as mounts. */
export function toMounts(name: string, node: Node, conversion: Conversion): readonly MountSpec[] {
  const path = ['services', name];
  const at = (key: string): readonly (readonly [Node, Path])[] =>
    itemsOf(child(node, key)).map((item, index) => [item, [...path, key, index]] as const);
  return [
    ...at('volumes').flatMap(([item, where]) => toMount(item, where, conversion)),
    ...at('secrets').flatMap(([item, where]) => fileMount(item, where, 'secrets', conversion)),
    ...at('configs').flatMap(([item, where]) => fileMount(item, where, 'configs', conversion)),
  ];
}

/** `/run` or `/run:size=64m,mode=1777` */
export function tmpfsMount(item: Node, path: Path, conversion: Conversion): MountSpec {
  const [target = '', options = ''] = (textOf(item) ?? '').split(/:(.*)/s);
  const words = options.split(',').filter((word) => word !== '');
  return {
    ...plain(item, path, conversion),
    type: 'tmpfs',
    source: '',
    target,
    readOnly: words.includes('ro'),
    sizeBytes: sizeOption(words.find((word) => word.startsWith('size='))?.slice('size='.length)),
  };
}

/** Keys of a mount that the drivers do not know yet. */
const LATER: readonly (readonly string[])[] = [
  ['bind', 'propagation'],
  ['bind', 'recursive'],
  ['bind', 'selinux'],
  ['volume', 'subpath'],
  ['volume', 'labels'],
  ['tmpfs', 'mode'],
];

function toMount(item: Node, path: Path, conversion: Conversion): readonly MountSpec[] {
  const type = textOf(child(item, 'type'));
  if (type !== 'bind' && type !== 'volume' && type !== 'tmpfs') {
    conversion.unsupported(item, path, `a mount of type ${type} is not supported yet`, 'bind, volume and tmpfs are');
    return [];
  }
  for (const keys of LATER) {
    const value = child(item, ...keys);
    if (value !== undefined && keys[0] === type) {
      conversion.unsupported(value, [...path, ...keys], 'is not supported yet');
    }
  }
  const size = textOf(child(item, 'tmpfs', 'size'));
  return [
    {
      ...plain(item, path, conversion),
      type,
      source: type === 'tmpfs' ? '' : (textOf(child(item, 'source')) ?? ''),
      target: textOf(child(item, 'target')) ?? '',
      readOnly: isTrue(child(item, 'read_only')),
      createHostPath: type === 'bind' && isTrue(child(item, 'bind', 'create_host_path')),
      noCopy: isTrue(child(item, 'volume', 'nocopy')),
      sizeBytes: size === undefined || size === '0' ? undefined : Number(size),
    },
  ];
}

/** A secret or config that is a file of the host is mounted as it is, as docker compose does: uid, gid and mode stay. */
function fileMount(
  item: Node,
  path: Path,
  section: 'secrets' | 'configs',
  conversion: Conversion,
): readonly MountSpec[] {
  const source = textOf(child(item, 'source')) ?? '';
  const target = textOf(child(item, 'target')) ?? source;
  const declared = child(conversion.root, section, source);
  const file = textOf(child(declared, 'file'));
  if (declared === undefined || file === undefined) {
    const kind = ['external', 'environment', 'content', 'driver'].find((key) => child(declared, key) !== undefined);
    const what = kind === undefined ? 'without a file' : `with \`${kind}\``;
    conversion.unsupported(
      item,
      path,
      `${section === 'secrets' ? 'secret' : 'config'} ${source} ${what} is not supported yet`,
      'keep the content in a file and name it with `file`',
    );
    return [];
  }
  for (const key of ['uid', 'gid', 'mode']) {
    const value = child(item, key);
    if (value !== undefined) conversion.warn(value, [...path, key], 'is ignored: the file is mounted as it is');
  }
  const directory = section === 'secrets' ? '/run/secrets' : '/';
  const complete = isAbsolute(target) ? target : posix.join(directory, target);
  return [{ ...plain(item, path, conversion), type: 'bind', source: file, target: complete, readOnly: true }];
}

function plain(item: Node, path: Path, conversion: Conversion): Omit<MountSpec, 'type' | 'source' | 'target'> {
  return { readOnly: false, createHostPath: false, noCopy: false, origin: conversion.source(item, path) };
}

function sizeOption(text: string | undefined): number | undefined {
  const found = /^(\d+)([kmg]?)$/i.exec(text ?? '');
  if (found === null) return undefined;
  return Number(found[1]) * 1024 ** ' kmg'.indexOf((found[2] ?? '').toLowerCase() || ' ');
}
