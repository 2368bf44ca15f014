import { isAbsolute, posix } from 'node:path';

import type { MountSpec } from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { isWasm } from './is-wasm.ts';
import { child, entriesOf, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { Path } from './source-file.ts';

/** `volumes`, `secrets` and `configs` as mounts. */
export function toMounts(name: string, node: Node, conversion: Conversion): readonly MountSpec[] {
  const path = ['services', name];
  const at = (key: string): readonly (readonly [Node, Path])[] =>
    itemsOf(child(node, key)).map((item, index) => [item, [...path, key, index]] as const);
  return [
    ...at('volumes').flatMap(([item, where]) => toMount(item, where, isWasm(node), conversion)),
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

/** Keys of a mount that mean nothing where no kernel mounts it. */
const KERNEL_ONLY: readonly (readonly string[])[] = [
  ['bind', 'propagation'],
  ['bind', 'recursive'],
  ['bind', 'selinux'],
  ['volume', 'labels'],
  ['tmpfs', 'mode'],
];

function toMount(item: Node, path: Path, wasm: boolean, conversion: Conversion): readonly MountSpec[] {
  const type = textOf(child(item, 'type'));
  if (!isMountType(type, wasm)) {
    const whose = wasm ? ' of a Wasm service' : '';
    const hint = wasm ? 'bind, volume and tmpfs are' : 'bind, volume, tmpfs and image are';
    conversion.unsupported(item, path, `a mount of type ${type}${whose} is not supported`, hint);
    return [];
  }
  if (wasm) checkWasmMount(item, type, path, conversion);
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
      ...(wasm ? {} : kernelOptions(item, type)),
    },
  ];
}

function isMountType(type: string | undefined, wasm: boolean): type is MountSpec['type'] {
  return type === 'bind' || type === 'volume' || type === 'tmpfs' || (type === 'image' && !wasm);
}

function checkWasmMount(item: Node, type: string | undefined, path: Path, conversion: Conversion): void {
  for (const keys of KERNEL_ONLY) {
    const value = child(item, ...keys);
    if (value !== undefined && keys[0] === type) {
      conversion.warn(
        value,
        [...path, ...keys],
        'is ignored: the directory is opened for the module, nothing is mounted',
      );
    }
  }
  const subpath = child(item, 'volume', 'subpath');
  if (subpath !== undefined) {
    conversion.unsupported(subpath, [...path, 'volume', 'subpath'], 'is not supported for a Wasm service');
  }
}

/** What only the Engine knows of; nothing where it is not said, so that the hash of a service stays as it was. */
function kernelOptions(item: Node, type: string | undefined): Partial<MountSpec> {
  const text = (key: string): string | undefined => textOf(child(item, 'bind', key));
  const bind = { propagation: text('propagation'), recursive: text('recursive'), selinux: text('selinux') };
  const mode = numberOf(child(item, 'tmpfs', 'mode'));
  const labels = entriesOf(child(item, 'volume', 'labels'));
  return {
    ...(Object.values(bind).some((value) => value !== undefined) ? { bind } : {}),
    ...(mode === undefined ? {} : { mode }),
    ...(labels.length === 0
      ? {}
      : { labels: Object.fromEntries(labels.map(([key, value]) => [key, textOf(value) ?? ''])) }),
    ...(type === 'volume' || type === 'image' ? { subpath: textOf(child(item, type, 'subpath')) } : {}),
  };
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
  // The others become files of their own: see to-files.ts.
  if (file === undefined) return [];
  for (const key of ['uid', 'gid', 'mode']) {
    const value = child(item, key);
    if (value !== undefined) conversion.warn(value, [...path, key], 'is ignored: the file is mounted as it is');
  }
  return [
    {
      ...plain(item, path, conversion),
      type: 'bind',
      source: file,
      target: fileTarget(target, section),
      readOnly: true,
    },
  ];
}

/** Where a secret or config appears in the service. */
export function fileTarget(target: string, section: 'secrets' | 'configs'): string {
  return isAbsolute(target) ? target : posix.join(section === 'secrets' ? '/run/secrets' : '/', target);
}

function plain(item: Node, path: Path, conversion: Conversion): Omit<MountSpec, 'type' | 'source' | 'target'> {
  return { readOnly: false, createHostPath: false, noCopy: false, origin: conversion.source(item, path) };
}

function sizeOption(text: string | undefined): number | undefined {
  const found = /^(\d+)([kmg]?)$/i.exec(text ?? '');
  if (found === null) return undefined;
  return Number(found[1]) * 1024 ** ' kmg'.indexOf((found[2] ?? '').toLowerCase() || ' ');
}
