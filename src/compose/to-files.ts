import type { FileSpec } from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { child, isTrue, itemsOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { Path } from './source-file.ts';
import { fileTarget } from './to-mounts.ts';

type Section = 'secrets' | 'configs';

/**
 * Secrets and configs whose content stands in the file or in the environment. In a container they are files of its own;
 * for a Wasm service they are ERR_COMPOSE_UNSUPPORTED, as are those that only a cluster keeps.
 */
export function toFiles(name: string, node: Node, wasm: boolean, conversion: Conversion): readonly FileSpec[] {
  return (['secrets', 'configs'] as const).flatMap((section) =>
    itemsOf(child(node, section)).flatMap((item, index) =>
      toFile(item, ['services', name, section, index], section, wasm, conversion),
    ),
  );
}

function toFile(item: Node, path: Path, section: Section, wasm: boolean, conversion: Conversion): readonly FileSpec[] {
  const source = textOf(child(item, 'source')) ?? '';
  const declared = child(conversion.root, section, source);
  if (textOf(child(declared, 'file')) !== undefined) return [];
  const what = `${section === 'secrets' ? 'secret' : 'config'} ${source}`;
  const content = contentOf(declared, what, item, path, conversion);
  if (content === undefined) return [];
  if (wasm) {
    const hint = 'keep the content in a file and name it with `file`';
    conversion.unsupported(item, path, `${what} without \`file\` is not supported for a Wasm service`, hint);
    return [];
  }
  const id = (key: 'uid' | 'gid'): number => {
    const value = child(item, key);
    const text = textOf(value) ?? '0';
    if (value !== undefined && !/^\d+$/.test(text)) {
      conversion.invalid(
        value,
        [...path, key],
        `"${text}" is no number`,
        'names of users are not known outside of the image',
      );
    }
    return Number(text);
  };
  const mode = textOf(child(item, 'mode'));
  return [
    {
      target: fileTarget(textOf(child(item, 'target')) ?? source, section),
      ...content,
      mode: mode === undefined ? READABLE : Number.parseInt(mode, 8),
      uid: id('uid'),
      gid: id('gid'),
      origin: conversion.source(item, path),
    },
  ];
}

const READABLE = 0o444;

/** Undefined: there is none, which has been told. */
function contentOf(
  declared: Node | undefined,
  what: string,
  item: Node,
  path: Path,
  conversion: Conversion,
): Pick<FileSpec, 'content' | 'variable'> | undefined {
  const content = textOf(child(declared, 'content'));
  if (content !== undefined) return { content };
  const variable = textOf(child(declared, 'environment'));
  if (variable !== undefined) {
    const value = conversion.loaded.environment.get(variable);
    return value === undefined ? { variable } : { content: value };
  }
  const kind = isTrue(child(declared, 'external')) ? 'external' : 'kept by a driver';
  const hint = 'only a cluster has those; name a `file`, or an `environment` variable that holds it';
  conversion.unsupported(item, path, `${what} is ${kind}, which is not supported`, hint);
  return undefined;
}
