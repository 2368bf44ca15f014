import { clearTimeout, setTimeout } from 'node:timers';

import type { ExitStatus } from '../../model/state.ts';
import type { DatagramDoor, PublishedListener, Refusal } from '../../net/fabric.ts';
import type { InstanceUsage } from '../usage.ts';
import type { GuestCarrier, GuestPlace } from './carrier.ts';
import { GuestInput } from './guest-input.ts';
import type { Answer, FromGuest, GuestRequest, GuestUsage, Question, StartFailure } from './messages.ts';
import type { OutputStreamName } from './output-ring.ts';

/** How long a guest may take to notice that it is being stopped, unless clients wait for its answer. */
const NOTICE_MS = 100;
/** The same in a thread with others: it may be one of them that computes, and ending the thread ends all. */
const SHARED_NOTICE_MS = 2_000;

/** How long a guest may take to say what it uses. */
const MEASURE_MS = 200;

/** How long a thread or process may take to be ended. */
const GONE_MS = 5_000;

export interface GuestHooks {
  /** It holds the thread that it shares, and ends with it. */
  held(): void;
  output(stream: OutputStreamName, bytes: Uint8Array): void;
  listening(port: number, isPrivate: boolean, listening: boolean): void;
  datagrams(port: number, door: DatagramDoor | undefined): void;
  /** May reject; the guest is then told that there is nothing. */
  answer(question: Question): Promise<Answer>;
}

/** The guest did not start. */
export class GuestStartError extends Error {
  readonly failure: StartFailure;

  constructor(failure: StartFailure) {
    super(failure.why === 'port' ? `${failure.code} ${failure.listener.published}` : failure.message);
    this.name = 'GuestStartError';
    this.failure = failure;
  }
}

/** One run of a guest, seen from the main thread. */
export class GuestRun {
  /** Resolves when the guest runs, with its published ports; rejects with GuestStartError. */
  readonly started: Promise<readonly PublishedListener[]>;
  /** Resolves when nothing of it runs and all that the guest printed was handed over. Never rejects. */
  readonly ended: Promise<ExitStatus>;
  /** It ended because of the thread that it shared: by a neighbour, or because it held it. */
  isDisplaced = false;
  readonly #isShared: boolean;
  readonly #carrier: GuestCarrier;
  readonly #hooks: GuestHooks;
  /** Undefined: it is empty. */
  readonly input: GuestInput | undefined;
  readonly #start = Promise.withResolvers<readonly PublishedListener[]>();
  readonly #settle = Promise.withResolvers<ExitStatus>();
  #exit: ExitStatus | undefined;
  #patience: NodeJS.Timeout | undefined;
  #deadline = Infinity;
  #isKilled = false;
  #isOver = false;
  #lastMeasure = 0;
  #measured: { readonly ask: number; readonly resolve: () => void } | undefined;
  #lastUsage: GuestUsage | undefined;

  constructor(place: GuestPlace, request: Omit<GuestRequest, 'output'>, hooks: GuestHooks) {
    this.started = this.#start.promise;
    this.ended = this.#settle.promise;
    // Who only waits for the end must not be punished for a start that failed.
    this.started.catch(() => undefined);
    this.#isShared = place.isShared;
    this.#hooks = hooks;
    this.input = request.stdinOpen ? new GuestInput((message) => this.#carrier.post(message)) : undefined;
    this.#carrier = place.carry(request, {
      message: (message) => this.#take(message),
      output: (stream, bytes) => hooks.output(stream, bytes),
      held: () => this.#held(),
      gone: (reason) => this.#gone(reason),
    });
  }

  /**
   * Ends the guest: no new connections, then it goes on until nobody waits for its answer, at most for the grace. A
   * guest that computes and does not notice is ended at once, unless a client waits for what it computes.
   */
  stop(graceMs: number): void {
    if (graceMs <= 0) {
      this.kill();
      return;
    }
    this.#carrier.post({ type: 'stop', graceMs });
    this.#deadline = performance.now() + graceMs;
    const look = (): void => {
      const left = this.#deadline - performance.now();
      if (left <= 0 || this.#carrier.owed === 0) this.kill();
      else this.#wait(Math.min(left, NOTICE_MS), look);
    };
    this.#wait(Math.min(graceMs, this.#isShared ? SHARED_NOTICE_MS : NOTICE_MS), look);
  }

  /** Ends the guest now; in a shared thread it gets a moment to notice, before the whole thread is ended. */
  kill(): void {
    if (this.#isShared && !this.#isKilled) {
      this.#isKilled = true;
      this.#carrier.post({ type: 'kill' });
      this.#wait(SHARED_NOTICE_MS, () => this.#endThread({ how: 'killed' }));
      return;
    }
    this.#endThread({ how: 'killed' });
  }

  /** A guest that computes cannot be asked: then it is as it was last. */
  async usage(): Promise<InstanceUsage | undefined> {
    if (this.#isOver) return undefined;
    const ask = ++this.#lastMeasure;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#measured = { ask, resolve };
    this.#carrier.post({ type: 'measure', ask });
    const patience = setTimeout(resolve, MEASURE_MS);
    await promise;
    clearTimeout(patience);
    const usedMs = this.#isOver ? undefined : await this.#carrier.cpuMs();
    return { ...this.#lastUsage, ...(usedMs === undefined ? {} : { cpu: { atMs: performance.now(), usedMs } }) };
  }

  #take(message: Exclude<FromGuest, { type: 'output' }>): void {
    switch (message.type) {
      case 'started':
        this.#start.resolve(message.published);
        return;
      case 'failed':
        this.#start.reject(new GuestStartError(message.failure));
        this.#finish({ how: 'lost', reason: new GuestStartError(message.failure).message });
        return;
      case 'listening':
        this.#hooks.listening(message.port, message.isPrivate, message.listening);
        return;
      case 'datagrams':
        this.#hooks.datagrams(message.port, message.door);
        return;
      case 'ask':
        void this.#answer(message.ask, message.question);
        return;
      case 'input-taken':
        this.input?.take(message.bytes);
        return;
      case 'stopping':
        this.#noticed();
        return;
      case 'usage':
        this.#lastUsage = message.usage;
        if (this.#measured?.ask === message.ask) this.#measured.resolve();
        return;
      case 'ended':
        this.#finish(message.exit);
        return;
    }
  }

  /** The guest ends itself, at the end of its grace at the latest; unless it computes by then. */
  #noticed(): void {
    this.#wait(Math.max(this.#deadline - performance.now(), 0) + NOTICE_MS, () => this.kill());
  }

  #wait(ms: number, then: () => void): void {
    if (this.#isOver) return;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(then, ms);
  }

  async #answer(ask: number, question: Question): Promise<void> {
    try {
      this.#carrier.post({ type: 'answer', ask, answer: await this.#hooks.answer(question) });
    } catch (error) {
      const reason = describe(error);
      const refused: Refusal = { to: 'refused', errno: 'ENETUNREACH', reason };
      this.#carrier.post({ type: 'answer', ask, answer: question.what === 'resolve' ? [] : refused });
    }
  }

  /** The guest has ended by itself; a thread of its own is of no more use. */
  #finish(exit: ExitStatus): void {
    if (this.#isShared) this.#end(exit);
    else this.#endThread(exit);
  }

  /** The first reason counts. */
  #endThread(exit: ExitStatus): void {
    this.#exit ??= exit;
    this.#carrier.terminate();
    // No guest can keep its thread from being ended, but a bug in a native part of it could; who waits must not hang.
    this.#wait(GONE_MS, () => this.#end({ how: 'lost', reason: 'what it runs in could not be ended' }));
  }

  /** The thread is being ended because of it. */
  #held(): void {
    if (this.#exit !== undefined || this.#isKilled) return;
    this.#exit = { how: 'killed' };
    this.isDisplaced = true;
    this.#hooks.held();
  }

  #gone(reason: string): void {
    if (this.#isShared && this.#exit === undefined) this.isDisplaced = !this.#isKilled;
    this.#end(this.#exit ?? (this.#isKilled ? { how: 'killed' } : { how: 'lost', reason }));
  }

  #end(exit: ExitStatus): void {
    if (this.#isOver) return;
    clearTimeout(this.#patience);
    this.#isOver = true;
    this.#measured?.resolve();
    this.input?.close();
    this.#carrier.release();
    this.#start.reject(new GuestStartError({ why: 'host', message: describeExit(exit), stack: undefined }));
    this.#settle.resolve(exit);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describeExit(exit: ExitStatus): string {
  return exit.how === 'lost' ? exit.reason : 'it was ended before it ran';
}
