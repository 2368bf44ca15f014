import { lstat, readdir, readFile } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';

import dockerignore from '@balena/dockerignore';

/** One entry of a build context, in the order in which it is sent: a directory before what is in it. */
export interface ContextFile {
  /** Below the context, with `/`. */
  readonly name: string;
  readonly path: string;
  readonly stat: BigIntStats;
}

/** Which paths of a context are left out, in the language of `.dockerignore`. */
export interface Ignored {
  readonly ignores: (name: string) => boolean;
  /** False: nothing below an ignored directory can come back. */
  readonly mayReturn: (directory: string) => boolean;
}

/**
 * What is sent of a directory, entry by entry. What vanishes between listing and looking was never there; sockets cannot
 * be in an archive and are left out.
 */
export async function* contextFiles(root: string, ignored: Ignored, signal: AbortSignal): AsyncGenerator<ContextFile> {
  yield* below(root, '', [], { ignored, signal });
}

/** The rules of `<Dockerfile>.dockerignore`, else of the context's `.dockerignore`, else none. */
export async function readIgnored(root: string, dockerfile: string | undefined): Promise<Ignored> {
  const own = dockerfile === undefined ? undefined : await readOptional(`${dockerfile}.dockerignore`);
  return parseIgnored(own ?? (await readOptional(join(root, '.dockerignore'))) ?? '');
}

export function parseIgnored(text: string): Ignored {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim());
  const rules = dockerignore.default().add(lines);
  const returning = lines
    .filter((line) => line.startsWith('!'))
    .map((line) =>
      line
        .slice(1)
        .trim()
        .replace(/^\.?\/+/, ''),
    );
  return {
    ignores: (name) => lines.length > 0 && rules.ignores(name),
    mayReturn: (directory) =>
      returning.some((pattern) => /[*?[\\]/.test(pattern) || `${pattern}/`.startsWith(`${directory}/`)),
  };
}

interface Walk {
  readonly ignored: Ignored;
  readonly signal: AbortSignal;
}

/** `pending`: directories above that are ignored themselves, and are sent only before the first thing in them that is not. */
async function* below(
  root: string,
  directory: string,
  pending: readonly ContextFile[],
  walk: Walk,
): AsyncGenerator<ContextFile> {
  const names = (await readdir(join(root, directory))).toSorted();
  let above = pending;
  for (const entry of names) {
    walk.signal.throwIfAborted();
    const name = directory === '' ? entry : `${directory}/${entry}`;
    const file = await look(join(root, name), name);
    if (file === undefined || file.stat.isSocket()) continue;
    const isDirectory = file.stat.isDirectory();
    const left = walk.ignored.ignores(name);
    if (left && !(isDirectory && walk.ignored.mayReturn(name))) continue;
    if (left) {
      for await (const inner of below(root, name, [...above, file], walk)) {
        above = [];
        yield inner;
      }
      continue;
    }
    yield* above;
    above = [];
    yield file;
    if (isDirectory) yield* below(root, name, [], walk);
  }
}

async function look(path: string, name: string): Promise<ContextFile | undefined> {
  try {
    return { name, path, stat: await lstat(path, { bigint: true }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
