import type { Readable } from 'node:stream';
import { posix } from 'node:path';

import type { CopyInRequest, CopyOutRequest } from '../control/session-protocol.ts';
import type { Session } from '../control/session-server.ts';
import { WcError } from '../model/diagnostic.ts';
import type { FileFacts, InstanceFiles } from '../runtime/instance-files.ts';
import { rebaseTar } from '../runtime/rebase-tar.ts';

/** Hands an archive to the client. */
export async function sendArchive(archive: Readable, session: Session): Promise<void> {
  for await (const chunk of archive) {
    if (session.gone.aborted) return;
    await session.write('stdout', chunk as Uint8Array);
  }
}

/** Files of an instance, to the client. */
export async function copyOut(
  files: InstanceFiles,
  request: CopyOutRequest,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const path = request.followLinks ? (await followed(files, request.path, signal)).path : request.path;
  await sendArchive(await files.read(path, signal), session);
}

/** Files of the client, into an instance: where they come to lie is as with `cp` and `docker cp`. */
export async function copyIn(
  files: InstanceFiles,
  request: CopyInRequest,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { source } = request;
  const { path, facts } = await followed(files, request.path, signal);
  const options = { ownedByUser: request.archive };
  if (source === undefined) {
    if (facts?.kind !== 'directory') throw noDirectory(request);
    await files.write(path, session.input, options, signal);
    return;
  }
  if (facts?.kind === 'directory') {
    await files.write(path, rebaseTar(session.input, source.contentsOnly ? '.' : source.name), options, signal);
    return;
  }
  if (source.isDirectory && facts !== undefined) {
    throw new WcError('ERR_USAGE', `cannot copy a directory to ${request.path}: a file is there`);
  }
  if (facts === undefined && !source.isDirectory && request.path.endsWith('/')) throw noDirectory(request);
  const parent = await followed(files, posix.dirname(path), signal);
  if (parent.facts?.kind !== 'directory') throw noDirectory({ path: posix.dirname(path) });
  await files.write(parent.path, rebaseTar(session.input, posix.basename(path)), options, signal);
}

/** What a path stands for in the end; a link to nothing is nothing. */
async function followed(
  files: InstanceFiles,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly facts: FileFacts | undefined }> {
  let at = posix.resolve('/', path);
  for (let links = 0; links < MAX_LINKS; links++) {
    const facts = await files.stat(at, signal);
    if (facts?.kind !== 'link') return { path: at, facts };
    at = posix.resolve(posix.dirname(at), facts.target);
  }
  throw new WcError('ERR_USAGE', `too many links on the way of ${path}`);
}

function noDirectory({ path }: { readonly path: string }): WcError {
  return new WcError('ERR_USAGE', `there is no directory ${path} in the instance`);
}

const MAX_LINKS = 40;
