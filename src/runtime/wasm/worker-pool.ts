import { getCompileCacheDir } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';

import type { WasmService } from '../../model/project.ts';
import { workerUrl } from '../../util/worker-url.ts';
import type { WorkerData } from './messages.ts';

/** Threads that may wait for a guest. */
const SPARE_LIMIT = 2;
/** How long they wait: what was about to start has started then. */
const SPARE_MS = 10_000;

/** A thread for one run of a guest. */
export interface GuestThread {
  readonly worker: Worker;
  /** Other guests run in it, too. */
  readonly isShared: boolean;
  /** The run is over; a thread of its own has been ended by then. */
  release(): void;
}

interface Shard {
  readonly worker: Worker;
  guests: number;
}

/**
 * Threads for guests. Loading the host takes a thread longer than running a guest in it takes to begin, so a thread
 * can be made ready while its module is still being compiled.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #spares: Worker[] = [];
  readonly #shards: Shard[] = [];
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

  take(isolation: WasmService['isolation']): GuestThread {
    if (isolation === 'shared') return this.#share();
    return { worker: this.#own(), isShared: false, release: () => undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#dismiss();
  }

  /** The emptiest of as many threads as there are processors. */
  #share(): GuestThread {
    let shard = this.#shards.toSorted((a, b) => a.guests - b.guests)[0];
    if (shard === undefined || (shard.guests > 0 && this.#shards.length < availableParallelism())) {
      shard = this.#addShard();
    }
    const taken = shard;
    taken.guests++;
    return {
      worker: taken.worker,
      isShared: true,
      release: () => {
        if (--taken.guests > 0) return;
        this.#drop(taken);
        void taken.worker.terminate();
      },
    };
  }

  #addShard(): Shard {
    // Every guest listens for the end of its thread.
    const shard: Shard = { worker: this.#own().setMaxListeners(0), guests: 0 };
    shard.worker.once('exit', () => this.#drop(shard));
    this.#shards.push(shard);
    return shard;
  }

  #own(): Worker {
    const spare = this.#spares.shift();
    spare?.removeAllListeners('error').removeAllListeners('exit');
    return spare ?? spawn();
  }

  #drop(shard: Shard): void {
    const at = this.#shards.indexOf(shard);
    if (at >= 0) this.#shards.splice(at, 1);
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
  // The directory that is told is one of this version of Node within the one that is to be named.
  const cacheDir = getCompileCacheDir();
  const workerData: WorkerData = { compileCacheDir: cacheDir === undefined ? undefined : path.dirname(cacheDir) };
  // Nothing of the supervisor's environment is a guest's business.
  return new Worker(workerUrl(import.meta.filename, 'worker'), { env: {}, name: 'guest', workerData });
}
