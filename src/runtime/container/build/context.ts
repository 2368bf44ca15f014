import { createHash } from 'node:crypto';
import { open, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

import { WcError } from '../../../model/diagnostic.ts';
import type { ImageBuild } from '../../../model/image-build.ts';
import { contextFiles, readIgnored } from './context-files.ts';
import type { ContextFile } from './context-files.ts';

/** What a builder gets to read: an archive of files, or the address of a context that it fetches itself. */
export type BuildContext =
  | {
      readonly kind: 'files';
      readonly tar: Readable;
      /** Its name in the archive. */
      readonly dockerfile: string;
      readonly text: string;
      /** Where a person finds it; undefined where it stands in the compose file. */
      readonly path: string | undefined;
    }
  | { readonly kind: 'remote'; readonly url: string; readonly dockerfile: string | undefined };

/** True where the builder fetches the context itself. */
export function isRemoteContext(context: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(context);
}

/**
 * Opens the context of a build. Its archive is made while it is read: no file is ever whole in memory. Reading it fails
 * with ERR_BUILD_FAILED, which names the file, where one cannot be read or becomes shorter meanwhile.
 */
export async function openBuildContext(build: ImageBuild, signal: AbortSignal): Promise<BuildContext> {
  if (isRemoteContext(build.context)) return { kind: 'remote', url: build.context, dockerfile: build.dockerfile };
  const root = await contextRoot(build);
  const found = await findDockerfile(root, build);
  const ignored = await readIgnored(root, found.path);
  // One that is not sent with the rest gets a name that depends on nothing but its contents, so that caches hold.
  const sentWithRest = found.inside !== undefined && !ignored.ignores(found.inside);
  const hash = createHash('sha256').update(found.text).digest('hex').slice(0, 16);
  const dockerfile = sentWithRest ? (found.inside ?? '') : `.dockerfile.${hash}`;
  const archive = pack();
  void fill(archive, contextFiles(root, ignored, signal), sentWithRest ? undefined : { dockerfile, text: found.text });
  return { kind: 'files', tar: Readable.from(archive), dockerfile, text: found.text, path: found.path };
}

/** The Dockerfile of a build, wherever it is. Throws ERR_BUILD_FAILED when there is none. */
export async function findDockerfile(
  root: string,
  build: ImageBuild,
): Promise<{ readonly text: string; readonly path: string | undefined; readonly inside: string | undefined }> {
  if (build.dockerfileInline !== undefined) return { text: build.dockerfileInline, path: undefined, inside: undefined };
  const path = isAbsolute(build.dockerfile ?? '')
    ? (build.dockerfile ?? '')
    : join(root, build.dockerfile ?? 'Dockerfile');
  try {
    const text = await readFile(path, 'utf8');
    const inside = relative(root, await realpath(path));
    return { text, path, inside: inside.startsWith('..') || isAbsolute(inside) ? undefined : inside };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new WcError('ERR_BUILD_FAILED', `Dockerfile ${path} ${why}`, {
      source: build.places['dockerfile'] ?? build.source,
      hint: code === 'ENOENT' ? 'build.dockerfile is relative to build.context' : undefined,
      cause: error,
    });
  }
}

/** The directory of a context, without links in its name. */
export async function contextRoot(build: ImageBuild): Promise<string> {
  const place = { source: build.places['context'] ?? build.source };
  try {
    const root = await realpath(build.context);
    if ((await stat(root)).isDirectory()) return root;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new WcError('ERR_BUILD_FAILED', `build context ${build.context} ${why}`, { ...place, cause: error });
  }
  throw new WcError('ERR_BUILD_FAILED', `build context ${build.context} is not a directory`, place);
}

async function fill(
  archive: Pack,
  files: AsyncIterable<ContextFile>,
  dockerfile: { readonly dockerfile: string; readonly text: string } | undefined,
): Promise<void> {
  /** The first name of a file that has several. */
  const links = new Map<string, string>();
  try {
    for await (const file of files) {
      if (archive.destroyed) return;
      await add(archive, file, links);
    }
    if (dockerfile !== undefined) {
      archive.entry({ name: dockerfile.dockerfile, mode: 0o644, mtime: new Date(0) }, dockerfile.text);
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(readError(error));
  }
}

async function add(archive: Pack, { name, path, stat: found }: ContextFile, links: Map<string, string>): Promise<void> {
  const header = { name, mode: Number(found.mode) & 0o7777, mtime: new Date(Number(found.mtimeMs)), uid: 0, gid: 0 };
  if (found.isDirectory()) return void archive.entry({ ...header, name: `${name}/`, type: 'directory' });
  if (found.isSymbolicLink()) {
    return void archive.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  }
  if (found.isFIFO()) return void archive.entry({ ...header, type: 'fifo' });
  if (!found.isFile()) {
    throw new WcError('ERR_BUILD_FAILED', `${path} is a device and cannot be in a build context`, {
      hint: 'name it in .dockerignore',
    });
  }
  const inode = `${found.dev}:${found.ino}`;
  const first = found.nlink > 1n ? links.get(inode) : undefined;
  if (first !== undefined) return void archive.entry({ ...header, type: 'link', linkname: first });
  if (found.nlink > 1n) links.set(inode, name);
  await addFile(archive, path, header);
}

type FileHeader = Parameters<Pack['entry']>[0];

/** As long as it was when it was opened: what is appended meanwhile is not sent. */
async function addFile(archive: Pack, path: string, header: FileHeader): Promise<void> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  if (size === 0) return void archive.entry({ ...header, size }, '');
  const entry = archive.entry({ ...header, size });
  let sent = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of file.createReadStream({ end: size - 1, autoClose: false, highWaterMark: CHUNK_BYTES })) {
      sent += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
    if (sent < size) {
      throw new WcError('ERR_BUILD_FAILED', `${path} became shorter while it was sent to the builder`, {
        hint: 'build again when nothing writes to it, or name it in .dockerignore',
      });
    }
  };
  await pipeline(counted, entry);
}

function readError(error: unknown): Error {
  if (error instanceof WcError) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const what = path === undefined ? 'the build context' : path;
  return new WcError('ERR_BUILD_FAILED', `${what} cannot be read for the build context (${code ?? String(error)})`, {
    hint: path === undefined ? undefined : `make it readable, or name ${basename(path)} in .dockerignore`,
    cause: error,
  });
}

const CHUNK_BYTES = 256 * 1024;
