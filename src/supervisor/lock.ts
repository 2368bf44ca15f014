import { closeSync, fstatSync, openSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

import { makePrivateDir } from '../control/project-dirs.ts';
import { WcError } from '../model/diagnostic.ts';

/** Proof that this process is the project's only supervisor. Disposing removes the lock, and its directory if empty. */
export interface ProjectLease extends Disposable {
  readonly path: string;
}

/**
 * Holds an exclusive SQLite transaction for as long as the process lives: the kernel frees it when the process
 * dies, however it dies, so there is no stale lock to guess about. Waits up to `waitMs` for one that is just ending.
 */
export async function acquireLease(path: string, waitMs: number, signal: AbortSignal): Promise<ProjectLease> {
  const until = performance.now() + waitMs;
  for (;;) {
    const lease = tryLock(path);
    if (lease !== undefined) return lease;
    if (performance.now() > until) {
      throw new WcError('ERR_SUPERVISOR_BUSY', 'another supervisor of this project is running and does not answer', {
        hint: `find it with: fuser ${path}`,
      });
    }
    await delay(20, undefined, { signal });
  }
}

/** Undefined while another process holds it, or removed the file that was locked here. */
function tryLock(path: string): ProjectLease | undefined {
  makePrivateDir(dirname(path));
  const file = openLockFile(path);
  if (file === undefined) return undefined;
  const database = lockDatabase(path);
  if (database !== undefined && isStill(path, file)) return { path, [Symbol.dispose]: () => release() };
  database?.close();
  closeSync(file);
  return undefined;

  function release(): void {
    // Removed while it is held: nobody can have locked another file of this name.
    rmSync(path, { force: true });
    database?.close();
    closeSync(file as number);
    removeEmptyDir(dirname(path));
  }
}

/**
 * Kept open as long as the lock: closing any descriptor of a file drops the locks a process has on it, and an inode
 * that is open is not used again for another file of that name.
 */
function openLockFile(path: string): number | undefined {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    // A supervisor that ended removed the directory just now.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function lockDatabase(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    // "unable to open": its directory was removed just now.
    if (/locked|unable to open/.test(String(error))) return undefined;
    throw error;
  }
}

function isStill(path: string, file: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  return there?.ino === fstatSync(file, { bigint: true }).ino;
}

function removeEmptyDir(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // ENOTEMPTY, ENOENT: the next supervisor is using it, or has used it and ended.
  }
}
