import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import type { ExitStatus } from '../../../model/state.ts';
import { workerUrl } from '../../../util/worker-url.ts';
import type { Answer, Question } from '../messages.ts';
import type { CgiStream, FromRunner, RunnerData, RunnerUsage, ToRunner } from './messages.ts';

/** What a request wants to hear of its guest. */
export interface GuestEvents {
  /** It takes its body now; told only of one that streams. */
  begun(): void;
  output(stream: CgiStream, chunk: Uint8Array): void;
  /** So much of the body was read. */
  read(bytes: number): void;
  /** Nothing of the guest runs any more. */
  ended(exit: ExitStatus, output: Uint8Array | undefined): void;
}

export interface RunnerHooks {
  answer(question: Question): Promise<Answer>;
  log(text: string): void;
  /** The thread has ended, after every guest of it was told so. */
  gone(runner: Runner): void;
}

/** A thread that runs guests, seen from the front. */
export class Runner {
  /** Resolves when the thread can run guests, rejects when it ended before. */
  readonly ready: Promise<void>;
  idleSince = performance.now();
  readonly #worker: Worker;
  readonly #hooks: RunnerHooks;
  readonly #guests = new Map<number, GuestEvents>();
  readonly #ready = Promise.withResolvers<void>();
  #why = 'its thread ended';
  #isReady = false;
  #usage = UNUSED;
  #pinged = false;
  #isComputing = false;
  #isEnding = false;

  constructor(data: Omit<RunnerData, 'compileCacheDir'>, hooks: RunnerHooks) {
    this.#hooks = hooks;
    this.ready = this.#ready.promise;
    this.ready.catch(() => undefined);
    const cacheDir = getCompileCacheDir();
    const workerData: RunnerData = {
      ...data,
      compileCacheDir: cacheDir === undefined ? undefined : path.dirname(cacheDir),
    };
    this.#worker = new Worker(workerUrl(import.meta.filename, 'runner-thread'), { env: {}, name: 'cgi', workerData });
    this.#worker.on('message', (message: FromRunner) => this.#take(message));
    this.#worker.on('error', (error) => {
      this.#why = error.message;
    });
    this.#worker.on('exit', () => this.#onExit());
  }

  get inFlight(): number {
    return this.#guests.size;
  }

  /** What its guests used when they were last asked. */
  get usage(): RunnerUsage {
    return this.#guests.size === 0 ? UNUSED : this.#usage;
  }

  /** It has begun; until then nothing is to wait for it. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** A guest keeps the thread from everything else, or the thread is being ended. */
  get isBusy(): boolean {
    return this.#isComputing || this.#isEnding;
  }

  run(message: Extract<ToRunner, { type: 'run' }>, events: GuestEvents): void {
    this.#guests.set(message.id, events);
    this.send(message);
  }

  send(message: ToRunner): void {
    this.#worker.postMessage(message);
  }

  /** The request was withdrawn before its guest began: this thread has nothing more to do with it. */
  forget(id: number): void {
    this.#guests.delete(id);
    if (this.#guests.size === 0) this.idleSince = performance.now();
  }

  /** Called now and then: what is not answered until the next call is kept from answering by a guest. */
  ping(): void {
    this.#isComputing = this.#pinged;
    if (this.#pinged) return;
    this.#pinged = true;
    this.send({ type: 'ping' });
  }

  /** Ends the thread and all of its guests; the reason is for those that have not answered yet. */
  end(why: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#why = why;
    void this.#worker.terminate();
  }

  #take(message: FromRunner): void {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve();
        return;
      case 'begun':
        this.#guests.get(message.id)?.begun();
        return;
      case 'output':
        this.#guests.get(message.id)?.output(message.stream, message.chunk);
        return;
      case 'read':
        this.#guests.get(message.id)?.read(message.bytes);
        return;
      case 'ended': {
        const guest = this.#guests.get(message.id);
        this.forget(message.id);
        guest?.ended(message.exit, message.output);
        return;
      }
      case 'pong':
        this.#pinged = false;
        this.#isComputing = false;
        this.#usage = message.usage;
        return;
      case 'log':
        this.#hooks.log(message.text);
        return;
      case 'ask':
        void this.#answer(message.ask, message.question);
        return;
    }
  }

  async #answer(ask: number, question: Question): Promise<void> {
    this.send({ type: 'answer', ask, answer: await this.#hooks.answer(question) });
  }

  #onExit(): void {
    this.#isEnding = true;
    this.#ready.reject(new Error(this.#why));
    const guests = [...this.#guests.values()];
    this.#guests.clear();
    this.#hooks.gone(this);
    for (const guest of guests) guest.ended({ how: 'lost', reason: this.#why }, undefined);
  }
}

const UNUSED: RunnerUsage = { memoryBytes: 0, descriptors: 0 };
