import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';

import { WcError } from '../../model/diagnostic.ts';
import type { FileSpec } from '../../model/project.ts';
import type { Engine } from './engine.ts';

/** Throws where the content of a file is not known: nothing was made yet. */
export function requireContents(files: readonly FileSpec[]): void {
  const missing = files.find((file) => file.content === undefined);
  if (missing === undefined) return;
  const { origin, variable } = missing;
  throw new WcError('ERR_COMPOSE_INVALID', `${origin.path}: environment variable ${variable} is not set`, {
    source: origin,
    hint: 'set it where you run the command, or in the .env file',
  });
}

/** Puts secrets and configs that are no files of the host into a container that has not started yet. */
export async function putFiles(
  engine: Engine,
  container: string,
  files: readonly FileSpec[],
  signal: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const archive = pack();
  for (const { target, content, mode, uid, gid } of files) {
    archive.entry({ name: target.replace(/^\/+/, ''), mode, uid, gid, mtime: new Date(0) }, content ?? '');
  }
  archive.finalize();
  const tar = await buffer(archive);
  await engine.request('PUT', `/containers/${container}/archive`, { query: { path: '/' }, tar }, signal);
}
