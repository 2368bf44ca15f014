import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';

import { workerUrl } from '../../util/worker-url.ts';
import type { WorkerData } from './messages.ts';

/** Threads that may wait for a guest. */
const SPARE_LIMIT = 2;
/** How long they wait: what was about to start has started then. */
const SPARE_MS = 10_000;

/**
 * Threads for guests. Loading the host takes a thread longer than running a guest in it takes to begin, so a thread
 * can be made ready while its module is still being compiled.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #spares: Worker[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** A guest will start soon. */
  warm(): void {
    if (this.#isClosed || this.#spares.length >= SPARE_LIMIT) return;
    const worker = spawn();
    this.#spares.push(worker);
    // A thread that dies while nobody uses it is no news.
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#dismiss(), SPARE_MS).unref();
  }

  /** A thread of the caller's own, to be terminated by the caller. */
  take(): Worker {
    const spare = this.#spares.shift();
    spare?.removeAllListeners('error').removeAllListeners('exit');
    return spare ?? spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#dismiss();
  }

  async #dismiss(): Promise<void> {
    await Promise.all(this.#spares.splice(0).map(async (worker) => await worker.terminate()));
  }

  #forget(worker: Worker): void {
    const at = this.#spares.indexOf(worker);
    if (at >= 0) this.#spares.splice(at, 1);
  }
}

function spawn(): Worker {
  // Nothing of the supervisor's environment is a guest's business.
  // The directory that is told is one of this version of Node within the one that is to be named.
  const cacheDir = getCompileCacheDir();
  const workerData: WorkerData = { compileCacheDir: cacheDir === undefined ? undefined : path.dirname(cacheDir) };
  return new Worker(workerUrl(import.meta.filename, 'worker'), { env: {}, name: 'guest', workerData });
}
