import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';

import { extract } from 'tar-stream';

import { WcError } from '../model/diagnostic.ts';
import { ImageTree } from './image-tree.ts';

/**
 * The files of an image, unpacked once into a directory named after the image's id. A directory that is there is whole:
 * it gets its name when everything is in it.
 *
 *     <images>/<id>/        the image's root
 *     <images>/<id>.new/    being made
 */
export class ImageFiles {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  root(id: string): string {
    return join(this.#base, id.replace(/^sha256:/, ''));
  }

  /** True for a path in an image that was unpacked here. */
  has(path: string): boolean {
    return path.startsWith(`${this.#base}/`);
  }

  async isUnpacked(id: string): Promise<boolean> {
    return (await this.#names()).includes(id.replace(/^sha256:/, ''));
  }

  /** `archive`: what `docker save` writes. Returns the root. */
  async unpack(id: string, archive: () => Promise<Readable>, signal: AbortSignal): Promise<string> {
    const root = this.root(id);
    if (await this.isUnpacked(id)) return root;
    const scratch = `${root}.new`;
    await rm(scratch, { recursive: true, force: true });
    await mkdir(join(scratch, 'files'), { recursive: true, mode: 0o700 });
    try {
      const tree = await readLayers(await archive(), scratch, signal);
      await tree.write(join(scratch, 'root'));
      await rename(join(scratch, 'root'), root);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return root;
  }

  /** Removes the files of every image that no path is in. */
  async keepOnly(paths: readonly string[]): Promise<void> {
    for (const name of await this.#names()) {
      const root = join(this.#base, name);
      if (paths.some((path) => path === root || path.startsWith(`${root}/`))) continue;
      await rm(root, { recursive: true, force: true });
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#base);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

async function readLayers(archive: Readable, scratch: string, signal: AbortSignal): Promise<ImageTree> {
  const parts = await readParts(archive, scratch, signal);
  const manifest = parts.get('manifest.json');
  if (manifest === undefined) throw broken('it has no manifest.json');
  const [image] = JSON.parse(await readFile(manifest, 'utf8')) as readonly { readonly Layers: readonly string[] }[];
  const tree = new ImageTree();
  let count = 0;
  for (const layer of image?.Layers ?? []) {
    const file = parts.get(layer);
    if (file === undefined) throw broken(`its layer ${layer} is missing`);
    count = await readLayer(file, tree, { scratch, count }, signal);
  }
  return tree;
}

/** Every file of the archive by its name; a link stands for the file that it names. */
async function readParts(
  archive: Readable,
  scratch: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const links: (readonly [string, string])[] = [];
  const reader = extract();
  const reading = pipeline(archive, reader, { signal });
  const names = async (): Promise<void> => {
    for await (const entry of reader) {
      const { name, type, linkname } = entry.header;
      if (type === 'symlink' || type === 'link') {
        links.push([name, type === 'link' ? (linkname ?? '') : posix.join(dirname(name), linkname ?? '')]);
        entry.resume();
      } else if (type === 'file') {
        const path = join(scratch, `part-${files.size}`);
        await pipeline(entry, createWriteStream(path), { signal });
        files.set(posix.normalize(name), path);
      } else entry.resume();
    }
  };
  await Promise.all([reading, names()]);
  for (const [name, target] of links) {
    const file = files.get(posix.normalize(target));
    if (file !== undefined) files.set(posix.normalize(name), file);
  }
  return files;
}

async function readLayer(
  file: string,
  tree: ImageTree,
  place: { readonly scratch: string; readonly count: number },
  signal: AbortSignal,
): Promise<number> {
  let { count } = place;
  const reader = extract();
  const unpacked = await decompressor(file);
  const source = createReadStream(file);
  const reading =
    unpacked === undefined ? pipeline(source, reader, { signal }) : pipeline(source, unpacked, reader, { signal });
  const entries = async (): Promise<void> => {
    for await (const entry of reader) {
      const { name, type, linkname, mode, mtime } = entry.header;
      const content = join(place.scratch, 'files', String(count++));
      if (type === 'file' || type === 'contiguous-file') await pipeline(entry, createWriteStream(content), { signal });
      else entry.resume();
      const kind = KINDS.get(type ?? 'file');
      if (kind === undefined) continue;
      tree.add({ name, type: kind, mode: mode ?? 0o644, mtime: mtime ?? new Date(0), target: linkname ?? '', content });
    }
  };
  await Promise.all([reading, entries()]);
  return count;
}

/** Of an Engine that keeps layers as they came. */
async function decompressor(file: string): Promise<NodeJS.ReadWriteStream | undefined> {
  await using handle = await open(file, 'r');
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.readUInt16BE(0) === 0x1f8b) return createGunzip();
  return buffer.readUInt32LE(0) === 0xfd2fb528 ? createZstdDecompress() : undefined;
}

/** Devices and FIFOs of an image are nothing that a module could open. */
const KINDS: ReadonlyMap<string, 'file' | 'directory' | 'symlink' | 'link'> = new Map([
  ['file', 'file'],
  ['contiguous-file', 'file'],
  ['directory', 'directory'],
  ['symlink', 'symlink'],
  ['link', 'link'],
]);

function broken(why: string): WcError {
  return new WcError('ERR_MODULE_INVALID', `the archive of an image cannot be read: ${why}`);
}
