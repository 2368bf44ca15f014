import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lstat, mkdir, rm, symlink, utimes } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';

import { WcError } from '../../model/diagnostic.ts';

export interface UnpackOptions {
  /** As the user wrote it. */
  readonly destination: string;
  /** Of what is copied; undefined: only what is in it. */
  readonly name: string | undefined;
  /** The entries' names do not begin with its own: it is the root. */
  readonly isRoot?: boolean | undefined;
  /** Files keep their owners. */
  readonly owners: boolean;
}

/**
 * Writes what an archive of an instance holds. The archive is not to be trusted: nothing is written outside of the
 * destination, neither by a name with `..` nor through a link that the archive, or somebody before it, has put there.
 */
export async function unpackFiles(archive: Readable, options: UnpackOptions, signal: AbortSignal): Promise<void> {
  const entries = extract();
  const reading = pipeline(archive, entries, { signal });
  // Told by the entries, which end with its error.
  reading.catch(() => undefined);
  let target: Target | undefined;
  const directories: { readonly path: string; readonly header: Header }[] = [];
  for await (const entry of entries) {
    const { header } = entry;
    target ??= await chooseTarget(header, options);
    const path = placeOf(header.name, target);
    await requireNoLinks(target.root, path);
    await put(path, header, entry, target);
    if (options.owners) await lchown(path, header.uid ?? 0, header.gid ?? 0);
    if (header.type === 'directory' && path !== target.root) directories.push({ path, header });
  }
  await reading;
  // Now, because writing into them changes their time, and some may not be written to.
  for (const { path, header } of directories.toReversed()) await finish(path, header);
}

/** What is read of an entry. */
type Entry = AsyncIterable<unknown> & { resume(): unknown };

interface Target {
  /** A directory that is there. */
  readonly root: string;
  /** In the place of the first component of each name; empty: nothing. */
  readonly name: string;
  readonly isRoot: boolean;
}

/** As `cp` and `docker cp`. */
async function chooseTarget(first: Header, options: UnpackOptions): Promise<Target> {
  const { destination, name } = options;
  const isRoot = options.isRoot === true;
  const there = await statOf(destination);
  const isDirectory = first.type === 'directory';
  if (there?.isDirectory() === true) return { root: destination, name: name ?? '', isRoot };
  if (there !== undefined && isDirectory) {
    throw new WcError('ERR_USAGE', `cannot copy a directory to ${destination}: a file is there`);
  }
  if (there === undefined && !isDirectory && destination.endsWith('/')) throw noDirectory(destination);
  const root = dirname(destination);
  if ((await statOf(root))?.isDirectory() !== true) throw noDirectory(root);
  return { root, name: basename(destination), isRoot };
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  const { stat } = await import('node:fs/promises');
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function noDirectory(path: string): WcError {
  return new WcError('ERR_USAGE', `there is no directory ${path}`, { hint: `make it first: mkdir -p ${path}` });
}

function placeOf(entry: string, { root, name, isRoot }: Target): string {
  // An absolute path and `..` end at the top.
  const components = posix.normalize(`/${entry}`).split('/').filter(Boolean);
  return join(root, name, ...components.slice(isRoot ? 0 : 1));
}

/** What lies between the destination and the file are directories. */
async function requireNoLinks(root: string, path: string): Promise<void> {
  const between = path.slice(root.length).split('/').filter(Boolean).slice(0, -1);
  let at = root;
  for (const component of between) {
    at = join(at, component);
    if ((await lstat(at)).isSymbolicLink()) {
      throw new WcError('ERR_USAGE', `${at} is a symbolic link: nothing is written through it`, {
        hint: 'remove it, or copy to another directory',
      });
    }
  }
}

async function put(path: string, header: Header, content: Entry, target: Target): Promise<void> {
  switch (header.type ?? 'file') {
    case 'directory':
      content.resume();
      await makeDirectory(path);
      return;
    case 'symlink':
      content.resume();
      await replaceable(path);
      await symlink(header.linkname ?? '', path);
      return;
    case 'link': {
      content.resume();
      const source = placeOf(header.linkname ?? '', target);
      await requireNoLinks(target.root, source);
      await replaceable(path);
      await link(source, path);
      return;
    }
    case 'file':
    case 'contiguous-file':
      await replaceable(path);
      await pipeline(Readable.from(content), createWriteStream(path, { mode: 0o600, flags: 'wx' }));
      await finish(path, header);
      return;
    case 'block-device':
    case 'character-device':
    case 'fifo':
      throw new WcError('ERR_USAGE', `${header.name} is a ${header.type}: it cannot be copied to this machine`);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!(await lstat(path)).isDirectory()) throw new WcError('ERR_USAGE', `${path} is there and is no directory`);
  }
}

/** A file in the place of a file; a directory is never removed for one. */
async function replaceable(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isDirectory()) throw new WcError('ERR_USAGE', `${path} is there and is a directory`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(path);
}

async function finish(path: string, { mode, mtime }: Header): Promise<void> {
  if (mode !== undefined) await chmod(path, mode & 0o7777);
  if (mtime !== undefined) await utimes(path, mtime, mtime);
}
