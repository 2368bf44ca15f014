import { getCompileCacheDir } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';

import type { WasmService } from '../../model/project.ts';
import { workerUrl } from '../../util/worker-url.ts';
import type { CarrierEvents, GuestPlace } from './carrier.ts';
import type { WorkerData } from './messages.ts';
import { processPlace } from './process/process-carrier.ts';
import { ThreadCarrier } from './thread-carrier.ts';
import { createTurns, Watchdog } from './watchdog.ts';

/** Threads that may wait for a guest. */
const SPARE_LIMIT = 2;
/** How long they wait: what was about to start has started then. */
const SPARE_MS = 10_000;

interface Shard {
  readonly worker: Worker;
  readonly cells: SharedArrayBuffer;
  readonly watchdog: Watchdog;
  /** By their numbers. */
  readonly guests: Map<number, CarrierEvents>;
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
  #lastGuest = 0;

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

  /** A place for one run of a guest. */
  take(service: WasmService): GuestPlace {
    switch (service.isolation) {
      case 'worker':
        return threadPlace(this.#own());
      case 'shared':
        return this.#share();
      case 'process':
        return processPlace(service);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#dismiss();
  }

  /** The emptiest of as many threads as there are processors. */
  #share(): GuestPlace {
    let shard = this.#shards.toSorted((a, b) => a.guests.size - b.guests.size)[0];
    if (shard === undefined || (shard.guests.size > 0 && this.#shards.length < availableParallelism())) {
      shard = this.#addShard();
    }
    const { worker, cells, guests } = shard;
    const taken = shard;
    const guest = ++this.#lastGuest;
    const release = (): void => {
      guests.delete(guest);
      if (guests.size > 0) return;
      this.#drop(taken);
      void worker.terminate();
    };
    return {
      isShared: true,
      carry: (request, events) => {
        guests.set(guest, events);
        return new ThreadCarrier(worker, { turns: { cells, guest }, release }, request, events);
      },
    };
  }

  #addShard(): Shard {
    // Every guest listens for the end of its thread.
    const worker = this.#own().setMaxListeners(0);
    const cells = createTurns();
    const guests = new Map<number, CarrierEvents>();
    const watchdog = new Watchdog(worker, cells, (guest) => {
      this.#drop(shard);
      guests.get(guest)?.held();
      // Its neighbours are started again elsewhere.
      void worker.terminate();
    });
    const shard: Shard = { worker, cells, watchdog, guests };
    worker.once('exit', () => this.#drop(shard));
    this.#shards.push(shard);
    return shard;
  }

  #own(): Worker {
    const spare = this.#spares.shift();
    spare?.removeAllListeners('error').removeAllListeners('exit');
    return spare ?? spawn();
  }

  #drop(shard: Shard): void {
    shard.watchdog[Symbol.dispose]();
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

/** A place in a thread that nobody else uses. */
export function threadPlace(worker: Worker): GuestPlace {
  const release = (): void => undefined;
  return { isShared: false, carry: (request, events) => new ThreadCarrier(worker, { release }, request, events) };
}

function spawn(): Worker {
  // The directory that is told is one of this version of Node within the one that is to be named.
  const cacheDir = getCompileCacheDir();
  const compileCacheDir = cacheDir === undefined ? undefined : path.dirname(cacheDir);
  const workerData: WorkerData = { compileCacheDir, filesAreAsked: false };
  // Nothing of the supervisor's environment is a guest's business.
  return new Worker(workerUrl(import.meta.filename, 'worker'), { env: {}, name: 'guest', workerData });
}
