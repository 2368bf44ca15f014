import { dirname, join } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import { FILE } from './attributes.ts';
import { merge } from './merge.ts';
import { child, itemsOf, textOf, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { errorAt } from './problems.ts';
import { readEnvFiles } from './project-environment.ts';
import type { Environment } from './project-environment.ts';
import type { ReadContext } from './read-context.ts';
import { isFile } from './read-text.ts';
import { completePath } from './resolve-paths.ts';
import type { Path, SourceFile } from './source-file.ts';

export type ReadModel = (files: readonly SourceFile[], context: ReadContext) => Promise<MapNode>;

/**
 * The models of the document's `include` entries, merged, the first one winning; undefined where it has none. Each is
 * a project of its own: its directory, its `.env`, its variables, with the environment of the including one winning.
 */
export async function readIncludes(
  document: MapNode,
  file: SourceFile,
  context: ReadContext,
  readModel: ReadModel,
): Promise<MapNode | undefined> {
  let all: MapNode | undefined;
  for (const [index, entry] of itemsOf(child(document, 'include')).entries()) {
    const model = await readInclude(entry, ['include', index], file, context, readModel);
    const merged: Node | undefined = all === undefined ? model : merge(model, all, FILE);
    if (merged?.kind === 'map') all = merged;
  }
  return all === undefined ? undefined : withKeys(all, { name: undefined, 'x-wcompose': undefined });
}

async function readInclude(
  entry: Node,
  path: Path,
  file: SourceFile,
  context: ReadContext,
  readModel: ReadModel,
): Promise<MapNode> {
  const { directory, reader, signal } = context;
  const included = [...context.included, file.path];
  const sources: SourceFile[] = [];
  for (const item of itemsOf(child(entry, 'path'))) {
    const name = textOf(item) ?? '';
    if (/^(?:oci|https?|git|ssh):\/\/|^git@/.test(name)) {
      throw errorAt(
        item.at,
        path,
        `include of ${name}: only local files can be included`,
        undefined,
        'ERR_COMPOSE_UNSUPPORTED',
      );
    }
    const complete = completePath(name, 'file', directory);
    if (included.includes(complete)) {
      const names = [...included.slice(included.indexOf(complete)), complete].map((one) => reader.nameOf(one));
      throw errorAt(item.at, path, `include cycle detected: ${names.join(' includes ')}`);
    }
    sources.push(await open(complete, item, path, context));
  }
  const [main] = sources;
  if (main === undefined) throw errorAt(entry.at, path, 'include needs a path');
  const chosen = textOf(child(entry, 'project_directory'));
  const own = chosen === undefined ? dirname(main.path) : completePath(chosen, 'file', directory);
  const environment = await environmentOf(entry, path, own, context);
  signal.throwIfAborted();
  return await readModel(sources, { ...context, directory: own, environment, included });
}

async function open(file: string, at: Node, path: Path, context: ReadContext): Promise<SourceFile> {
  try {
    return await context.reader.composeFile(file, context.signal);
  } catch (error) {
    if (!(error instanceof WcError)) throw error;
    throw errorAt(at.at, path, error.message, undefined, error.code);
  }
}

async function environmentOf(entry: Node, path: Path, own: string, context: ReadContext): Promise<Environment> {
  const named = itemsOf(child(entry, 'env_file'));
  const files: string[] = [];
  for (const item of named) {
    const name = textOf(item) ?? '';
    if (name === '/dev/null') continue;
    const complete = completePath(name, 'file', context.directory);
    if (!isFile(complete)) throw errorAt(item.at, path, `env file ${complete} not found`);
    files.push(complete);
  }
  const usual = join(own, '.env');
  if (named.length === 0 && isFile(usual)) files.push(usual);
  const values = await readEnvFiles(files, context.environment, context.reader, context.signal);
  return context.environment.extendedBy(values);
}
