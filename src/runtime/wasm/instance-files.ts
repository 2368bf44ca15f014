import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';

import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { FileFacts, InstanceFiles } from '../instance-files.ts';
import type { ResolvedMount } from '../runtime.ts';
import { imageRoot, mountSource } from './guest-request.ts';
import { Filetype } from './wasi/descriptor.ts';
import { Errno, WasiError, failure } from './wasi/errno.ts';
import type { Directory, File } from './wasi/fs/directory.ts';
import { buildRoot } from './wasi/fs/root.ts';
import { Walk } from './wasi/fs/walk.ts';

/**
 * The files that an instance of the service sees, reached as it reaches them: through its mounts, and never out of
 * them, whatever links lie there. What is in the memory of an instance (tmpfs, its root) only that one sees.
 */
export function wasmFiles(service: WasmService, mounts: readonly ResolvedMount[]): InstanceFiles {
  const inMemory = mounts.filter(({ spec }) => spec.type === 'tmpfs').map(({ spec }) => spec.target);
  const withTree = async <T>(path: string, use: (root: Directory) => Promise<T>): Promise<T> => {
    const hidden = inMemory.find((target) => `${posix.resolve('/', path)}/`.startsWith(`${target}/`));
    if (hidden !== undefined) {
      throw new WcError('ERR_USAGE', `${hidden} of ${service.name} is in the memory of its instances`, {
        hint: 'only they see what is there; use a bind or a named volume',
      });
    }
    const sources = [...imageRoot(service), ...mounts.map((mount) => mountSource(service, mount))];
    const { directory } = buildRoot(sources, { nowNs: () => BigInt(Date.now()) * 1_000_000n });
    try {
      return await use(directory);
    } catch (error) {
      throw explain(error, service, path);
    } finally {
      directory.close();
    }
  };
  return {
    stat: async (path) => await withTree(path, async (root) => await Promise.resolve(facts(root, path))),
    read: async (path, signal) => {
      const archive = pack();
      const fill = async (): Promise<void> => {
        await withTree(path, async (root) => {
          await add(archive, root, { path: inside(path), name: posix.basename(path) || '.' }, signal);
        });
        archive.finalize();
      };
      fill().catch((error: unknown) => archive.destroy(error as Error));
      return await Promise.resolve(Readable.from(archive));
    },
    write: async (directory, archive, _options, signal) =>
      await withTree(directory, async (root) => await extractInto(root, inside(directory), archive, signal)),
  };
}

/** As a path of the walk, which begins at the root. */
function inside(path: string): string {
  return posix.resolve('/', path).slice(1) || '.';
}

function facts(root: Directory, path: string): FileFacts | undefined {
  let walk: Walk;
  try {
    walk = new Walk(root, inside(path));
  } catch (error) {
    if (isErrno(error, Errno.NOENT) || isErrno(error, Errno.NOTDIR)) return undefined;
    throw error;
  }
  try {
    if (walk.isDirectoryItself) return { kind: 'directory', target: '' };
    const { filetype } = walk.parent.stat(walk.name);
    if (filetype === Filetype.SYMBOLIC_LINK) return { kind: 'link', target: walk.parent.readLink(walk.name) };
    if (filetype === Filetype.DIRECTORY) return { kind: 'directory', target: '' };
    return { kind: filetype === Filetype.REGULAR_FILE ? 'file' : 'other', target: '' };
  } catch (error) {
    if (isErrno(error, Errno.NOENT)) return undefined;
    throw error;
  } finally {
    walk.close();
  }
}

interface Item {
  readonly path: string;
  /** In the archive. */
  readonly name: string;
}

/** Links stay links; what is neither file, directory nor link is left out. */
async function add(archive: Pack, root: Directory, { path, name }: Item, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const found = facts(root, path);
  if (found === undefined) throw failure(Errno.NOENT);
  if (found.kind === 'link') archive.entry({ name, type: 'symlink', linkname: found.target });
  if (found.kind === 'file') await addFile(archive, root, { path, name }, signal);
  if (found.kind !== 'directory') return;
  archive.entry({ name: `${name}/`, type: 'directory', mode: 0o755 });
  const names = atEnd(root, path, (parent, last) => {
    const directory = last === '.' ? parent.duplicate() : parent.descend(last);
    // Somebody has put a link there meanwhile.
    if (typeof directory === 'string') throw failure(Errno.AGAIN);
    try {
      return directory.list().map((entry) => entry.name);
    } finally {
      directory.close();
    }
  });
  for (const child of names.toSorted()) {
    await add(archive, root, { path: path === '.' ? child : `${path}/${child}`, name: `${name}/${child}` }, signal);
  }
}

async function addFile(archive: Pack, root: Directory, { path, name }: Item, signal: AbortSignal): Promise<void> {
  const file = atEnd(root, path, (parent, last) => openFile(parent, last, READ));
  try {
    const { modifiedNs } = file.stat();
    const size = file.size();
    const entry = archive.entry({ name, size, mode: 0o644, mtime: new Date(Number(modifiedNs / 1_000_000n)) });
    await pipeline(Readable.from(chunks(file, size)), entry, { signal });
  } finally {
    file.close();
  }
}

/** Exactly so many bytes, whatever becomes of the file meanwhile. */
function* chunks(file: File, size: number): Generator<Buffer> {
  for (let at = 0; at < size;) {
    const chunk = Buffer.alloc(Math.min(CHUNK, size - at));
    const count = file.read([chunk], at);
    yield count === 0 ? chunk : chunk.subarray(0, count);
    at += count === 0 ? chunk.length : count;
  }
}

async function extractInto(root: Directory, base: string, archive: Readable, signal: AbortSignal): Promise<void> {
  const entries = extract();
  const reading = pipeline(archive, entries, { signal });
  // Told by the entries, which end with its error.
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const { header } = entry;
    const below = posix.normalize(`/${header.name}`).replace(/\/$/, '');
    const path = base === '.' ? below.slice(1) : `${base}${below}`;
    if (below === '' || path === '') entry.resume();
    else await put(root, path, header, entry);
  }
  await reading;
}

async function put(root: Directory, path: string, header: Header, content: AsyncIterable<unknown>): Promise<void> {
  const type = header.type ?? 'file';
  if (type === 'file' || type === 'contiguous-file') {
    const file = atEnd(root, path, (parent, name) => {
      if (parent.isReadOnly(name)) throw failure(Errno.ROFS);
      return openFile(parent, name, WRITE);
    });
    try {
      let at = 0;
      for await (const chunk of content) at += file.write([chunk as Uint8Array], at);
      const modified = header.mtime?.getTime();
      if (modified !== undefined) file.setTimes({ accessedNs: undefined, modifiedNs: BigInt(modified) * 1_000_000n });
    } finally {
      file.close();
    }
    return;
  }
  for await (const _ of content);
  if (type === 'directory') makeDirectory(root, path);
  else if (type === 'symlink') {
    atEnd(root, path, (parent, name) => {
      if (parent.isReadOnly(name)) throw failure(Errno.ROFS);
      parent.makeLink(name, header.linkname ?? '');
    });
  } else {
    throw new WcError('ERR_USAGE', `${header.name} is a ${type}: a Wasm service has files, directories and links only`);
  }
}

function makeDirectory(root: Directory, path: string): void {
  atEnd(root, path, (parent, name) => {
    if (name === '.') return;
    try {
      if (parent.stat(name).filetype === Filetype.DIRECTORY) return;
    } catch (error) {
      if (!isErrno(error, Errno.NOENT)) throw error;
    }
    if (parent.isReadOnly(name)) throw failure(Errno.ROFS);
    parent.makeDirectory(name);
  });
}

function atEnd<T>(root: Directory, path: string, use: (parent: Directory, name: string) => T): T {
  const walk = new Walk(root, path);
  try {
    return use(walk.parent, walk.name);
  } finally {
    walk.close();
  }
}

/** A link is not followed here: it was, where that was wanted. */
function openFile(parent: Directory, name: string, options: Parameters<Directory['open']>[1]): File {
  const opened = parent.open(name, options);
  if (typeof opened === 'string') throw failure(Errno.LOOP);
  if ('list' in opened) {
    opened.close();
    throw failure(Errno.ISDIR);
  }
  return opened;
}

function isErrno(error: unknown, errno: Errno): boolean {
  if (error instanceof WasiError) return error.errno === errno;
  const { code } = error as NodeJS.ErrnoException;
  return (code === 'ENOENT' && errno === Errno.NOENT) || (code === 'ENOTDIR' && errno === Errno.NOTDIR);
}

function explain(error: unknown, { name }: WasmService, path: string): unknown {
  if (!(error instanceof Error) || error instanceof WcError || error.name === 'AbortError') return error;
  const why = WORDS.find(([errno]) => isErrno(error, errno))?.[1] ?? error.message;
  return new WcError('ERR_MOUNT', `cannot copy ${path} of ${name}: ${why}`, {
    hint: `wcompose config shows what is mounted into ${name}`,
    cause: error,
  });
}

const WORDS = [
  [Errno.NOENT, 'there is no such file or directory'],
  [Errno.NOTDIR, 'a file is on the way'],
  [Errno.ISDIR, 'a directory is there'],
  [Errno.ROFS, 'the service may only read there'],
  [Errno.NOTCAPABLE, 'the path leaves what is mounted'],
  [Errno.LOOP, 'a symbolic link is there'],
] as const;

const CHUNK = 64 * 1024;
const READ = {
  read: true,
  write: false,
  append: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: false,
  synchronous: false,
} as const;
const WRITE = { ...READ, read: false, write: true, create: true, truncate: true } as const;
