import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';

import { ControlClient } from '../control/client.ts';
import { readNdjson } from '../control/ndjson.ts';
import { compileCacheDir, makePrivateDir, projectDirs } from '../control/project-dirs.ts';
import type { ProjectDirs } from '../control/project-dirs.ts';
import type { EngineReport, ListedProject, Listing, SupervisorInfo } from '../control/protocol.ts';
import { readVersion } from '../control/version.ts';
import { fromWireError, WcError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ModuleReport } from '../model/module-report.ts';

export interface Connection {
  readonly client: ControlClient;
  readonly dirs: ProjectDirs;
  readonly info: SupervisorInfo;
}

/** The running supervisor of the project, or undefined. Writes nothing. */
export async function findSupervisor(name: ProjectName, signal: AbortSignal): Promise<Connection | undefined> {
  const dirs = projectDirs(name, process.env);
  const client = new ControlClient(dirs.socket);
  const info = await client.probe(signal);
  return info === undefined ? undefined : { client, dirs, info };
}

/**
 * The running supervisor of the project; starts one when there is none. One of another version than this client loads
 * what it needs from files that were replaced: it can still stop things, but is not to start any.
 */
export async function ensureSupervisor(
  name: ProjectName,
  needs: { readonly sameVersion: boolean },
  signal: AbortSignal,
): Promise<Connection> {
  // Another command may start one at the same time, and one that is ending may still hold the lock: whoever loses looks again.
  for (let round = 0; ; round++) {
    const running = await findSupervisor(name, signal);
    if (running !== undefined) {
      if (needs.sameVersion) requireSameVersion(running.info);
      return running;
    }
    const dirs = projectDirs(name, process.env);
    try {
      await spawnSupervisor(name, dirs, signal);
    } catch (error) {
      if (!(error instanceof WcError) || error.code !== 'ERR_SUPERVISOR_BUSY' || round >= 5) throw error;
    }
  }
}

/** Asks a short-lived process what there is of a project that has no supervisor. It starts and writes nothing. */
async function observeOnce(name: ProjectName, signal: AbortSignal): Promise<Listing> {
  return await askOnce(['observe', name], signal);
}

/** What there is of a project at this moment, also when no supervisor runs. Starts and writes nothing. */
export async function currentListing(name: ProjectName, signal: AbortSignal): Promise<Listing> {
  const connection = await findSupervisor(name, signal);
  if (connection === undefined) return await observeOnce(name, signal);
  return await connection.client.call('GET /v1/instances', undefined, signal);
}

/** Every project there is; asked in the same way. */
export async function listOnce(signal: AbortSignal): Promise<readonly ListedProject[]> {
  return await askOnce(['list'], signal);
}

/** What a file, or the file that an image of the Engine runs, is; read in the same way. */
export async function inspectOnce(
  what: { readonly file: string } | { readonly image: string },
  signal: AbortSignal,
): Promise<ModuleReport> {
  return await askOnce(['inspect', ...('file' in what ? ['file', what.file] : ['image', what.image])], signal);
}

/** Which Engine this environment means, and whether it answers. */
export async function engineOnce(signal: AbortSignal): Promise<EngineReport> {
  return await askOnce(['engine'], signal);
}

async function askOnce<T>(args: readonly string[], signal: AbortSignal): Promise<T> {
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [supervisorEntry(), ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    signal,
  });
  const reply = await firstMessage<Reply<T>>(child, 'it says why above');
  return unwrap(reply);
}

interface Reply<T> {
  readonly ok?: T;
  readonly error?: WireError;
}

/**
 * The supervisor outlives this process: a session of its own, no inherited terminal. It says on descriptor 3 when it
 * serves, or why it cannot.
 */
async function spawnSupervisor(name: ProjectName, dirs: ProjectDirs, signal: AbortSignal): Promise<void> {
  // Loaded here: most commands start nothing.
  const { spawn } = await import('node:child_process');
  const log = openLog(dirs);
  try {
    const child = spawn(process.execPath, [supervisorEntry(), 'serve', name], {
      detached: true,
      cwd: '/',
      // One that the user named, or switched off, stays.
      env: { NODE_COMPILE_CACHE: compileCacheDir(process.env), ...process.env },
      stdio: ['ignore', log, log, 'pipe'],
    });
    child.unref();
    const pipe = child.stdio[3] as Readable;
    signal.addEventListener('abort', () => pipe.destroy(), { once: true });
    unwrap(await firstMessage<Reply<true>>(child, `see why in ${dirs.supervisorLog}`));
  } finally {
    closeSync(log);
  }
}

/** The supervisor's own log, for whoever looks for a fault of ours; one that has grown long begins anew. */
function openLog(dirs: ProjectDirs): number {
  makePrivateDir(dirs.state);
  const size = statSync(dirs.supervisorLog, { throwIfNoEntry: false })?.size ?? 0;
  return openSync(dirs.supervisorLog, size > MAX_LOG_BYTES ? 'w' : 'a', 0o600);
}

const MAX_LOG_BYTES = 1024 * 1024;

function requireSameVersion(info: SupervisorInfo): void {
  const own = readVersion();
  if (info.version === own) return;
  throw new WcError(
    'ERR_SUPERVISOR_VERSION',
    `the supervisor of ${info.project} is wcompose ${info.version} and this is ${own}`,
    { hint: 'run `wcompose down` and then this command again: volumes stay' },
  );
}

async function firstMessage<T>(child: ChildProcess, hint: string): Promise<T> {
  const pipe = child.stdio[3] as Readable;
  const failed = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
  });
  const read = async (): Promise<T> => {
    for await (const message of readNdjson<T>(pipe)) return message;
    throw new WcError('ERR_SUPERVISOR_LOST', 'the supervisor ended before it was ready', { hint });
  };
  try {
    return await Promise.race([read(), failed]);
  } finally {
    pipe.destroy();
  }
}

function unwrap<T>(reply: Reply<T>): T {
  if (reply.error !== undefined) throw fromWireError(reply.error);
  return reply.ok as T;
}

/** The entry lies beside this folder, as .ts in the sources and as .js in a build. */
function supervisorEntry(): string {
  const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../supervisor/main.${extension}`, import.meta.url));
}
