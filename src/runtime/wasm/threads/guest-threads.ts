import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import type { ExitStatus } from '../../../model/state.ts';
import { workerUrl } from '../../../util/worker-url.ts';
import { Errno } from '../wasi/errno.ts';
import type { HostCall } from '../wasi/linkage.ts';
import { GuestStopped } from '../wasi/waiters.ts';
import { CallBlock, createCallBlock } from './call-block.ts';
import { type FromThread, type RunThread, SPAWN, type SpawnedThread, type ThreadData } from './messages.ts';

/** How many threads a guest may have at once, its first one among them, where `pids_limit` does not say. */
export const THREADS_DEFAULT = 64;
/** Threads that have ended and are kept for the next ones: to make one takes much longer than to use one again. */
const IDLE_LIMIT = 4;
/** Numbers of threads are 1 to this: programs need the bits above. */
const LAST_ID = 0x1fff_ffff;

export interface GuestThreadsParts {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** At once; undefined: the default. */
  readonly limit: number | undefined;
  /** A line for the service's log. */
  log(text: string): void;
}

interface Thread {
  readonly worker: Worker;
  readonly raw: SharedArrayBuffer;
  readonly block: CallBlock;
  isRunning: boolean;
}

/**
 * The threads of one guest, each with an instance of the module in a thread of its own, all with one memory. They are
 * started, answered and ended here, where no code of the guest runs: what they do can wait for each other in ways that
 * nobody sees (`memory.atomic.wait`), and never keeps their sockets from being served.
 */
export class GuestThreads {
  readonly #parts: GuestThreadsParts;
  readonly #limit: number;
  #calls: readonly (HostCall | undefined)[] = [];
  readonly #threads = new Set<Thread>();
  readonly #over = Promise.withResolvers<ExitStatus>();
  #isOver = false;
  #lastId = 0;
  #saidLimit = false;
  /** CPU time of threads that are gone. */
  #pastMs = 0;

  constructor(parts: GuestThreadsParts) {
    this.#parts = parts;
    this.#limit = parts.limit ?? THREADS_DEFAULT;
    // It may be stopped before it runs.
    this.#over.promise.catch(() => undefined);
  }

  /**
   * Runs the program. `calls`: what the host has for each of the module's imports, in their order. Rejects with what
   * ended it where a call did: an exit, a stop. Nothing of it runs then.
   */
  async run(calls: readonly (HostCall | undefined)[]): Promise<ExitStatus> {
    const spawn: HostCall = (argument) => this.#spawn(Number(argument));
    this.#calls = WebAssembly.Module.imports(this.#parts.module).map((wanted, i) =>
      wanted.module === SPAWN.module && wanted.name === SPAWN.name ? spawn : calls[i],
    );
    try {
      if (!this.#isOver) this.#start(undefined);
      return await this.#over.promise;
    } finally {
      await Promise.all([...this.#threads].map(async ({ worker }) => await worker.terminate()));
    }
  }

  /** Ends all threads, whatever they do. */
  stop(): void {
    this.#fail(new GuestStopped());
  }

  /** CPU time used so far by all threads. */
  async cpuMs(): Promise<number> {
    const used = await Promise.all([...this.#threads].map(async ({ worker }) => await cpuMsOf(worker)));
    return used.reduce((sum, ms) => sum + ms, this.#pastMs);
  }

  /** `thread-spawn(start_arg: i32) -> i32`: the number of the new thread, or a negated errno. */
  #spawn(argument: number): number {
    const running = [...this.#threads].filter((thread) => thread.isRunning).length;
    if (running >= this.#limit) {
      if (!this.#saidLimit)
        this.#parts.log(`it has ${running} threads and gets no more: its pids_limit is ${this.#limit}`);
      this.#saidLimit = true;
      return -Errno.AGAIN;
    }
    this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    this.#start({ id: this.#lastId, argument });
    return this.#lastId;
  }

  #start(spawned: SpawnedThread | undefined): void {
    const { module, memory } = this.#parts;
    const thread = [...this.#threads].find(({ isRunning }) => !isRunning) ?? this.#add();
    thread.isRunning = true;
    thread.worker.postMessage({ module, memory, block: thread.raw, spawned } satisfies RunThread);
  }

  #add(): Thread {
    const cacheDir = getCompileCacheDir();
    const workerData: ThreadData = { compileCacheDir: cacheDir === undefined ? undefined : path.dirname(cacheDir) };
    const worker = new Worker(workerUrl(import.meta.filename, 'guest-thread'), { env: {}, name: 'thread', workerData });
    const raw = createCallBlock();
    const thread: Thread = { worker, raw, block: new CallBlock(raw), isRunning: false };
    this.#threads.add(thread);
    worker.on('message', (message: FromThread) => this.#take(thread, message));
    worker.on('error', (error) => {
      this.#end({ how: 'lost', reason: error instanceof Error ? error.message : String(error) });
    });
    worker.on('exit', () => {
      this.#threads.delete(thread);
      if (thread.isRunning) this.#end({ how: 'lost', reason: 'one of its threads was ended' });
    });
    return thread;
  }

  #take(thread: Thread, message: FromThread): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'call':
        void this.#answer(thread);
        return;
      case 'failed':
        this.#fail(new Error(message.reason));
        return;
      case 'ended':
        this.#onEnded(thread, message.trap);
        return;
    }
  }

  async #answer({ block }: Thread): Promise<void> {
    const { which, args } = block.read();
    try {
      const result = this.#calls[which]?.(...args) ?? Errno.NOSYS;
      const errno = typeof result === 'number' ? result : await result;
      if (!this.#isOver) block.answer(errno);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onEnded(thread: Thread, trap: Extract<ExitStatus, { how: 'trap' }> | undefined): void {
    // The first thread is the program: the others end with it, as with a return from `main` elsewhere.
    if (trap !== undefined || thread === this.#threads.values().next().value) {
      this.#end(trap ?? { how: 'code', code: 0 });
      return;
    }
    thread.isRunning = false;
    const idle = [...this.#threads].filter(({ isRunning }) => !isRunning).length;
    if (idle > IDLE_LIMIT) void this.#dismiss(thread);
  }

  async #dismiss(thread: Thread): Promise<void> {
    this.#threads.delete(thread);
    this.#pastMs += await cpuMsOf(thread.worker);
    await thread.worker.terminate();
  }

  #end(exit: ExitStatus): void {
    this.#isOver = true;
    this.#over.resolve(exit);
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#over.reject(error);
  }
}

async function cpuMsOf(worker: Worker): Promise<number> {
  try {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1_000;
  } catch {
    // ERR_WORKER_NOT_RUNNING: it has ended meanwhile.
    return 0;
  }
}
