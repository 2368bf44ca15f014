import { clearTimeout, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import type { ExitStatus } from '../../model/state.ts';
import type { ConnectVerdict, PublishedListener } from '../../net/fabric.ts';
import type { FromGuest, GuestRequest, Question, RunMessage, StartFailure, ToGuest } from './messages.ts';
import { createRing, type OutputStreamName, RingReader } from './output-ring.ts';
import type { GuestThread } from './worker-pool.ts';

/** How long a guest may take to notice that it is being stopped, unless clients wait for its answer. */
const NOTICE_MS = 100;
/** The same in a thread with others: it may be one of them that computes, and ending the thread ends all. */
const SHARED_NOTICE_MS = 2_000;

/** How long a thread may take to be ended. */
const GONE_MS = 5_000;

export interface GuestHooks {
  output(stream: OutputStreamName, bytes: Uint8Array): void;
  listening(port: number, isPrivate: boolean, listening: boolean): void;
  /** May reject; the guest is then told that there is nothing. */
  answer(question: Question): Promise<ConnectVerdict | readonly string[]>;
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
  readonly #thread: GuestThread;
  readonly #port: MessagePort;
  readonly #ring: RingReader;
  readonly #hooks: GuestHooks;
  readonly #start = Promise.withResolvers<readonly PublishedListener[]>();
  readonly #settle = Promise.withResolvers<ExitStatus>();
  #exit: ExitStatus | undefined;
  #patience: NodeJS.Timeout | undefined;
  #deadline = Infinity;
  #isKilled = false;
  #isOver = false;

  /** Releases the thread when the run has ended. */
  constructor(thread: GuestThread, request: Omit<GuestRequest, 'output'>, hooks: GuestHooks) {
    this.started = this.#start.promise;
    this.ended = this.#settle.promise;
    // Who only waits for the end must not be punished for a start that failed.
    this.started.catch(() => undefined);
    this.#thread = thread;
    this.#hooks = hooks;
    const output = createRing();
    this.#ring = new RingReader(output);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromGuest) => this.#take(message));
    thread.worker.once('error', this.#onError);
    thread.worker.once('exit', this.#onExit);
    const message: RunMessage = { type: 'run', port: port2, request: { ...request, output } };
    thread.worker.postMessage(message, [port2]);
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
    this.#post({ type: 'stop', graceMs });
    this.#deadline = performance.now() + graceMs;
    const look = (): void => {
      const left = this.#deadline - performance.now();
      if (left <= 0 || this.#ring.owed === 0) this.kill();
      else this.#wait(Math.min(left, NOTICE_MS), look);
    };
    this.#wait(Math.min(graceMs, this.#thread.isShared ? SHARED_NOTICE_MS : NOTICE_MS), look);
  }

  /** Ends the guest now; in a shared thread it gets a moment to notice, before the whole thread is ended. */
  kill(): void {
    if (this.#thread.isShared && !this.#isKilled) {
      this.#isKilled = true;
      this.#post({ type: 'kill' });
      this.#wait(SHARED_NOTICE_MS, () => this.#endThread({ how: 'killed' }));
      return;
    }
    this.#endThread({ how: 'killed' });
  }

  #take(message: FromGuest): void {
    switch (message.type) {
      case 'started':
        this.#start.resolve(message.published);
        return;
      case 'failed':
        this.#start.reject(new GuestStartError(message.failure));
        this.#finish({ how: 'lost', reason: new GuestStartError(message.failure).message });
        return;
      case 'output':
        this.#drain();
        return;
      case 'listening':
        this.#hooks.listening(message.port, message.isPrivate, message.listening);
        return;
      case 'ask':
        void this.#answer(message.ask, message.question);
        return;
      case 'stopping':
        this.#noticed();
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
      this.#post({ type: 'answer', ask, answer: await this.#hooks.answer(question) });
    } catch (error) {
      const reason = describe(error);
      const refused: ConnectVerdict = { to: 'refused', errno: 'ENETUNREACH', reason };
      this.#post({ type: 'answer', ask, answer: question.what === 'authorize' ? refused : [] });
    }
  }

  /** The guest has ended by itself; a thread of its own is of no more use. */
  #finish(exit: ExitStatus): void {
    if (this.#thread.isShared) this.#end(exit);
    else this.#endThread(exit);
  }

  /** The first reason counts. */
  #endThread(exit: ExitStatus): void {
    this.#exit ??= exit;
    void this.#thread.worker.terminate();
    // No guest can keep its thread from being ended, but a bug in a native part of it could; who waits must not hang.
    this.#wait(GONE_MS, () => this.#end({ how: 'lost', reason: 'its thread could not be ended' }));
  }

  readonly #onError = (error: Error): void => this.#endThread({ how: 'lost', reason: describe(error) });

  readonly #onExit = (code: number): void => {
    const reason = this.#thread.isShared ? 'the thread it shared with others was ended' : `its thread ended (${code})`;
    this.#end(this.#exit ?? { how: 'lost', reason });
  };

  #end(exit: ExitStatus): void {
    clearTimeout(this.#patience);
    this.#isOver = true;
    this.#thread.worker.off('error', this.#onError).off('exit', this.#onExit);
    this.#port.close();
    this.#drain();
    this.#start.reject(new GuestStartError({ why: 'host', message: describeExit(exit), stack: undefined }));
    this.#settle.resolve(exit);
    this.#thread.release();
  }

  #drain(): void {
    this.#ring.drain((stream, bytes) => this.#hooks.output(stream, bytes));
  }

  #post(message: ToGuest): void {
    this.#port.postMessage(message);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describeExit(exit: ExitStatus): string {
  return exit.how === 'lost' ? exit.reason : 'it was ended before it ran';
}
