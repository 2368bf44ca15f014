import { readlink, stat, lstat } from 'node:fs/promises';
import { basename, dirname, posix, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';

import { ClientSession } from '../../control/session-client.ts';
import type { CopyInRequest, CopySource } from '../../control/session-protocol.ts';
import { WcError } from '../../model/diagnostic.ts';
import { ensureSupervisor } from '../connect.ts';
import type { Connection } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { rawOutput, receive } from '../copy/receive.ts';
import { writeAll } from '../session.ts';

export interface CpOptions {
  readonly all?: boolean;
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly index?: number;
}

/** Copies between an instance and this machine; `-` is an archive on stdin or stdout. */
export async function cp(
  from: string,
  to: string,
  options: CpOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const [source, target] = [placeOf(from), placeOf(to)];
  if ((source.service === undefined) === (target.service === undefined)) {
    const message = 'one of the two has to be SERVICE:PATH, and the other a path of this machine';
    throw new WcError('ERR_USAGE', message, { hint: 'a name with a colon in it is written ./name' });
  }
  const connection = await ensureSupervisor(await context.projectName(), { sameVersion: true }, context.signal);
  if (source.service === undefined) await copyIn(connection, from, target, options, context);
  else await copyOut(connection, source, to, options, context);
  return EXIT_OK;
}

interface Place {
  readonly service?: string | undefined;
  readonly path: string;
}

/** `web:/etc/nginx`; what begins with a dot or a slash is a path of this machine, colon or not. */
function placeOf(text: string): Place {
  const colon = text.indexOf(':');
  if (colon <= 0 || /^[./]/.test(text)) return { path: text };
  return { service: text.slice(0, colon), path: text.slice(colon + 1) || '/' };
}

async function targets(
  { client }: Connection,
  service: string,
  options: CpOptions,
  signal: AbortSignal,
): Promise<readonly [string, ...string[]]> {
  const request = { service, index: options.index, oneOffs: options.all === true };
  const [first, ...rest] = await client.call('POST /v1/copy-targets', request, signal);
  if (first === undefined) throw new WcError('ERR_NO_SUCH_SERVICE', `there is no instance of ${service}`);
  return [first, ...rest];
}

async function copyOut(
  connection: Connection,
  source: Place,
  to: string,
  options: CpOptions,
  { signal }: CommandContext,
): Promise<void> {
  const [instance] = await targets(connection, source.service ?? '', options, signal);
  const followLinks = options.followLink === true;
  const whole = posix.resolve('/', source.path);
  // An archive for others begins as they asked for it.
  const request = { open: 'copy-out', instance, path: to === '-' ? source.path : whole, followLinks } as const;
  if (to === '-' && process.stdout.isTTY)
    throw new WcError('ERR_USAGE', 'an archive is not for a terminal', { hint: 'add a pipe' });
  using session = await ClientSession.open(connection.dirs.socket, request, signal);
  if (to === '-') {
    await session.run(rawOutput(async (bytes) => await writeAll('stdout', bytes)));
    return;
  }
  const { unpackFiles } = await import('../copy/unpack-files.ts');
  const archive = new PassThrough();
  const isRoot = whole === '/';
  const name = isRoot || isContentsOnly(source.path) ? undefined : posix.basename(whole);
  const destination = to.endsWith('/') ? `${resolve(to)}/` : resolve(to);
  const unpacking = unpackFiles(archive, { destination, name, isRoot, owners: options.archive === true }, signal);
  // What is wrong with the destination is told before what that does to the session.
  const [unpacked, received] = await Promise.allSettled([unpacking, receive(session, archive)]);
  const failed = [received, unpacked].find((one) => one.status === 'rejected' && one.reason instanceof WcError);
  for (const one of [failed, unpacked, received]) if (one?.status === 'rejected') throw one.reason;
}

async function copyIn(
  connection: Connection,
  from: string,
  target: Place,
  options: CpOptions,
  { signal }: CommandContext,
): Promise<void> {
  const instances = await targets(connection, target.service ?? '', options, signal);
  if (from === '-' && instances.length > 1) {
    throw new WcError('ERR_USAGE', `${target.service} has ${instances.length} instances, and stdin is there once`, {
      hint: 'choose one with --index',
    });
  }
  const local = from === '-' ? undefined : await localSource(from, options.followLink === true);
  const archive = options.archive === true;
  for (const instance of instances) {
    const request = { open: 'copy-in', instance, path: target.path, source: local?.source, archive } as const;
    if (local === undefined) await send(connection, request, process.stdin, signal);
    else {
      const { packFiles } = await import('../copy/pack-files.ts');
      await send(connection, request, packFiles(local.path, local.source.name, signal), signal);
    }
  }
}

async function localSource(
  from: string,
  follow: boolean,
): Promise<{ readonly path: string; readonly source: CopySource }> {
  const contentsOnly = isContentsOnly(from);
  let path = resolve(from);
  const name = basename(path) || 'root';
  try {
    if (follow && (await lstat(path)).isSymbolicLink()) path = resolve(dirname(path), await readlink(path));
    // `dir/` and `dir/.` mean the directory behind a link.
    const found = contentsOnly || from.endsWith('/') ? await stat(path) : await lstat(path);
    if (from.endsWith('/') && !found.isDirectory()) throw new WcError('ERR_USAGE', `${from} is not a directory`);
    return { path, source: { name, isDirectory: found.isDirectory(), contentsOnly } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new WcError('ERR_USAGE', `there is no ${from}`, { cause: error });
  }
}

async function send(
  { dirs }: Connection,
  request: CopyInRequest,
  archive: Readable,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  using session = await ClientSession.open(dirs.socket, request, signal);
  const sending = (async (): Promise<void> => {
    for await (const chunk of archive) await session.input(chunk as Uint8Array, either);
    session.send({ type: 'input-end' });
  })();
  const done = session.run(rawOutput(async () => await Promise.resolve()));
  // A source that cannot be read ends it; so does an instance that takes no more.
  await Promise.race([done, sending.then(async () => await done)]);
  ended.abort();
}

function isContentsOnly(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}
