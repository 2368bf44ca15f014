import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

/** A file or directory of this machine as an archive whose entries begin with `name`. Links stay links. */
export function packFiles(path: string, name: string, signal: AbortSignal): Readable {
  const archive = pack();
  const fill = async (): Promise<void> => {
    await add(archive, path, name, signal);
    archive.finalize();
  };
  fill().catch((error: unknown) => archive.destroy(error as Error));
  return Readable.from(archive);
}

/** Sockets, devices and pipes have no content that could be copied: they are left out, as by docker. */
async function add(archive: Pack, path: string, name: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const stat = await lstat(path);
  const { mtime, uid, gid } = stat;
  const common = { mtime, uid, gid, mode: stat.mode & 0o7777 };
  if (stat.isSymbolicLink()) archive.entry({ ...common, name, type: 'symlink', linkname: await readlink(path) });
  if (stat.isFile()) {
    const entry = archive.entry({ ...common, name, size: stat.size });
    // No more than it had: somebody may write to it.
    const content = stat.size === 0 ? [] : createReadStream(path, { end: stat.size - 1 });
    await pipeline(content, entry, { signal });
  }
  if (!stat.isDirectory()) return;
  archive.entry({ ...common, name: `${name}/`, type: 'directory' });
  for (const child of (await readdir(path)).toSorted())
    await add(archive, join(path, child), `${name}/${child}`, signal);
}
