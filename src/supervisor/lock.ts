import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

import { WcError } from '../model/diagnostic.ts';

/** Proof that this process is the project's only supervisor; functions that change the project ask for it. */
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
    const database = tryLock(path);
    if (database !== undefined) return { path, [Symbol.dispose]: () => database.close() };
    if (performance.now() > until) {
      throw new WcError('ERR_SUPERVISOR_BUSY', 'another supervisor of this project is running and does not answer', {
        hint: `find it with: fuser ${path}`,
      });
    }
    await delay(20, undefined, { signal });
  }
}

function tryLock(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (String(error).includes('locked')) return undefined;
    throw error;
  }
}
