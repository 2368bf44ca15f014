import { availableParallelism } from 'node:os';
import { clearInterval, setInterval } from 'node:timers';

import type { Exchange } from '../http/front.ts';
import { announced, type Body, collect, RefusedBody } from './body.ts';
import { Call, type CallHooks, refuse } from './call.ts';
import type { CgiSettings, RunnerData, RunnerUsage } from './messages.ts';
import { metaVariables } from './meta-variables.ts';
import { Runner, type RunnerHooks } from './runner.ts';

/** How often threads are asked whether they compute, and requests are looked at. */
const TICK_MS = 100;
/** How long a guest may take to notice that it is to end, before its thread is ended. */
const NOTICE_MS = 500;
/** How long a thread beyond the first is kept without work. */
const IDLE_MS = 10_000;
/** Requests in flight on every thread from which another is worth its start. */
const CROWD = 4;
/** Threads beyond one for each processor, while guests compute in those and requests wait. */
const EXTRA_THREADS = 8;
const RETRY_AFTER_S = '1';

export interface CgiServiceParts {
  readonly settings: CgiSettings;
  readonly data: Omit<RunnerData, 'compileCacheDir' | 'claims'>;
  readonly answer: RunnerHooks['answer'];
  log(text: string): void;
  stderr(chunk: Uint8Array): void;
}

/**
 * Answers requests with guests, each with one of its own. Guests run in threads other than this one, as many as there
 * are processors: a request whose guest computes for ever takes one thread with it, at its time-out, and requests that
 * had not begun there go to another.
 */
export class CgiService {
  readonly #parts: CgiServiceParts;
  readonly #hooks: CallHooks;
  readonly #claims: Int32Array;
  readonly #data: Omit<RunnerData, 'compileCacheDir'>;
  readonly #freeSlots: number[];
  #queue: Call[] = [];
  /** Those that have a slot. */
  readonly #calls = new Set<Call>();
  readonly #runners: Runner[] = [];
  readonly #ticker: NodeJS.Timeout;
  #lastId = 0;
  #isClosed = false;

  constructor(parts: CgiServiceParts) {
    const { concurrency } = parts.settings;
    this.#parts = parts;
    const claims = new SharedArrayBuffer(concurrency * Int32Array.BYTES_PER_ELEMENT);
    this.#claims = new Int32Array(claims);
    this.#data = { ...parts.data, claims };
    this.#freeSlots = Array.from({ length: concurrency }, (_, slot) => slot);
    this.#hooks = {
      log: (text) => parts.log(text),
      stderr: (chunk) => parts.stderr(chunk),
      again: (call) => this.#again(call),
      over: (call) => this.#over(call),
    };
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Resolves when guests can run. */
  async start(): Promise<void> {
    await this.#addRunner().ready;
  }

  /** Every exchange is answered in the end. Never rejects. */
  async handle(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    const { settings } = this.#parts;
    try {
      const length = announced(request, settings.bodyLimitBytes);
      if (length !== undefined && exchange.expectsContinue && !isLarge(length)) exchange.response.writeContinue();
      // A request without a body begins in the same turn.
      const body: Body =
        length === undefined ? { kind: 'none' } : await collect(request, length, settings.bodyLimitBytes);
      this.#admit(exchange, body);
    } catch (error) {
      if (!(error instanceof RefusedBody)) {
        // The client has gone.
        exchange.response.destroy();
        return;
      }
      this.#parts.log(`${request.method} ${request.url?.split('?', 1)[0]}: ${error.message}`);
      refuse(exchange, error.status);
    }
  }

  /** What the guests of the requests that are being answered use. */
  get usage(): RunnerUsage {
    let memoryBytes = 0;
    let descriptors = 0;
    for (const { usage } of this.#runners) {
      memoryBytes += usage.memoryBytes;
      descriptors += usage.descriptors;
    }
    return { memoryBytes, descriptors };
  }

  /** Ends all threads. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    for (const runner of this.#runners) runner.end('the service was stopped');
  }

  #admit(exchange: Exchange, body: Body): void {
    if (this.#queue.length >= this.#parts.settings.queue && this.#freeSlots.length === 0) {
      refuse(exchange, 503, ['Retry-After', RETRY_AFTER_S]);
      return;
    }
    this.#queue.push(new Call(exchange, body, this.#hooks));
    this.#dispatch();
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#freeSlots.length > 0 && !this.#isClosed) {
      const call = this.#queue[0];
      if (call === undefined) return;
      if (call.abortedAt !== undefined) {
        this.#queue.shift();
        continue;
      }
      const runner = this.#pick();
      if (runner === undefined) return;
      this.#queue.shift();
      call.slot = this.#freeSlots.pop() ?? 0;
      this.#calls.add(call);
      this.#run(call, runner);
    }
  }

  #run(call: Call, runner: Runner): void {
    const { settings } = this.#parts;
    const { request, peer, port } = call.exchange;
    const { body, method, target } = call;
    const made = metaVariables(
      {
        method,
        target,
        httpVersion: request.httpVersion,
        rawHeaders: request.rawHeaders,
        bodyLength: body.kind === 'none' ? undefined : body.kind === 'open' ? body.length : body.bytes.length,
        peer,
        port,
      },
      settings.site,
    );
    if (made === undefined) {
      call.fail(400, 'a path that cannot be decoded');
      call.drop();
      return;
    }
    this.#lastId = (this.#lastId % 0x7fff_fffe) + 1;
    call.id = this.#lastId;
    call.runner = runner;
    call.progressAt = performance.now();
    Atomics.store(this.#claims, call.slot, call.id);
    const whole = body.kind === 'whole' ? body.bytes : undefined;
    runner.run({ type: 'run', id: call.id, slot: call.slot, ...made, body: whole, isOpen: body.kind === 'open' }, call);
  }

  /** The emptiest thread; undefined: guests compute in all of them, or they only begin. */
  #pick(): Runner | undefined {
    let best: Runner | undefined;
    for (const runner of this.#runners) {
      if (runner.isReady && !runner.isBusy && (best === undefined || runner.inFlight < best.inFlight)) best = runner;
    }
    if (best === undefined || best.inFlight >= CROWD) this.#grow(best === undefined);
    return best;
  }

  /** Makes more threads: one for each processor, and some beyond that where guests compute in all of those. */
  #grow(areAllBusy: boolean): void {
    const beginning = this.#runners.filter((runner) => !runner.isReady).length;
    const limit = availableParallelism() + (areAllBusy ? EXTRA_THREADS : 0);
    if (beginning === 0 && this.#runners.length < limit && !this.#isClosed) this.#addRunner();
  }

  #addRunner(): Runner {
    const runner = new Runner(this.#data, {
      answer: async (question) => await this.#parts.answer(question),
      log: (text) => this.#parts.log(text),
      gone: (gone) => {
        const at = this.#runners.indexOf(gone);
        if (at >= 0) this.#runners.splice(at, 1);
        // The next request is not to wait for it.
        if (this.#runners.length === 0 && gone.isReady && !this.#isClosed) this.#addRunner();
      },
    });
    this.#runners.push(runner);
    void runner.ready.then(
      () => this.#dispatch(),
      (error: Error) => {
        if (!this.#isClosed) this.#parts.log(`a thread for requests could not begin: ${error.message}`);
      },
    );
    return runner;
  }

  #again(call: Call): void {
    const runner = this.#pick();
    if (runner !== undefined) {
      this.#run(call, runner);
      return;
    }
    call.fail(503, 'no thread is free for its redirect');
    call.drop();
  }

  #over(call: Call): void {
    if (!this.#calls.delete(call)) return;
    Atomics.store(this.#claims, call.slot, 0);
    this.#freeSlots.push(call.slot);
    this.#dispatch();
  }

  #tick(): void {
    const now = performance.now();
    const { timeoutMs } = this.#parts.settings;
    for (const call of this.#calls) this.#look(call, now - timeoutMs, now - NOTICE_MS);
    for (const runner of this.#runners) {
      if (!runner.isReady) continue;
      if (runner.inFlight > 0) runner.ping();
      else if (this.#runners.length > 1 && runner.idleSince < now - IDLE_MS) runner.end('it was idle');
    }
    for (const call of this.#queue) {
      if (call.abortedAt !== undefined || call.progressAt >= now - timeoutMs) continue;
      call.abort();
      refuse(call.exchange, 503, ['Retry-After', RETRY_AFTER_S]);
    }
    this.#queue = this.#queue.filter((call) => call.abortedAt === undefined);
    this.#dispatch();
  }

  #look(call: Call, timedOut: number, noticed: number): void {
    const { runner } = call;
    if (runner === undefined) return;
    const isLate = call.progressAt < timedOut;
    if (call.abortedAt === undefined && isLate) call.timeOut();
    if (!runner.isBusy) return;
    // What has not begun behind a guest that computes can go elsewhere.
    if (Atomics.compareExchange(this.#claims, call.slot, call.id, 0) === call.id) {
      runner.forget(call.id);
      if (call.abortedAt !== undefined) call.drop();
      else this.#move(call);
      return;
    }
    if (call.abortedAt === undefined || call.abortedAt > noticed) return;
    // It computes, or a neighbour does: that one ends by its own time-out.
    if (isLate || runner.inFlight === 1) runner.end('its thread was ended: a request in it computed beyond its time');
  }

  /** Back to the front of the queue. */
  #move(call: Call): void {
    this.#calls.delete(call);
    this.#freeSlots.push(call.slot);
    call.runner = undefined;
    this.#queue.unshift(call);
  }
}

function isLarge(length: number | 'untold'): boolean {
  return length !== 'untold' && length > 64 * 1024;
}
