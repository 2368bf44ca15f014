import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';

import { ControlClient } from '../control/client.ts';
import { readNdjson } from '../control/ndjson.ts';
import { makePrivateDir, projectDirs } from '../control/project-dirs.ts';
import type { ListedProject } from '../control/protocol.ts';
import type { ProjectDirs } from '../control/project-dirs.ts';
import { fromWireError, WcError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ObservedInstance } from '../model/state.ts';

export interface Connection {
  readonly client: ControlClient;
  readonly dirs: ProjectDirs;
}

/** The running supervisor of the project, or undefined. Writes nothing. */
export async function findSupervisor(name: ProjectName, signal: AbortSignal): Promise<Connection | undefined> {
  const dirs = projectDirs(name, process.env);
  const client = new ControlClient(dirs.socket);
  const info = await client.probe(signal);
  return info === undefined ? undefined : { client, dirs };
}

/** The running supervisor of the project; starts one when there is none. */
export async function ensureSupervisor(name: ProjectName, signal: AbortSignal): Promise<Connection> {
  // Another command may start one at the same time, and one that is ending may still hold the lock: whoever loses looks again.
  for (let round = 0; ; round++) {
    const running = await findSupervisor(name, signal);
    if (running !== undefined) return running;
    const dirs = projectDirs(name, process.env);
    try {
      await spawnSupervisor(name, dirs, signal);
    } catch (error) {
      if (!(error instanceof WcError) || error.code !== 'ERR_SUPERVISOR_BUSY' || round >= 5) throw error;
    }
  }
}

/** Asks a short-lived process what there is of a project that has no supervisor. It starts and writes nothing. */
export async function observeOnce(name: ProjectName, signal: AbortSignal): Promise<readonly ObservedInstance[]> {
  return await askOnce(['observe', name], signal);
}

/** Every project there is; asked in the same way. */
export async function listOnce(signal: AbortSignal): Promise<readonly ListedProject[]> {
  return await askOnce(['list'], signal);
}

async function askOnce<T>(args: readonly string[], signal: AbortSignal): Promise<T> {
  const child = spawn(process.execPath, [supervisorEntry(), ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    signal,
  });
  const reply = await firstMessage<Reply<T>>(child);
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
  makePrivateDir(dirs.run);
  mkdirSync(dirs.state, { recursive: true, mode: 0o700 });
  const log = openSync(dirs.supervisorLog, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [supervisorEntry(), 'serve', name], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'pipe'],
    });
    const reply = await Promise.race([firstMessage<Reply<true>>(child), aborted(signal)]);
    child.unref();
    unwrap(reply);
  } finally {
    closeSync(log);
  }
}

async function firstMessage<T>(child: ChildProcess): Promise<T> {
  const pipe = child.stdio[3] as Readable;
  const failed = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
  });
  const read = async (): Promise<T> => {
    for await (const message of readNdjson<T>(pipe)) return message;
    throw new WcError('ERR_SUPERVISOR_LOST', 'the supervisor ended before it was ready', {
      hint: 'its log says why: supervisor.log in the state directory of the project',
    });
  };
  try {
    return await Promise.race([read(), failed]);
  } finally {
    pipe.destroy();
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
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
