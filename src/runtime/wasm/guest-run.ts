import { clearTimeout, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';

import type { ExitStatus } from '../../model/state.ts';
import type { ConnectVerdict, PublishedListener } from '../../net/fabric.ts';
import type { FromGuest, GuestRequest, Question, RunMessage, StartFailure, ToGuest } from './messages.ts';
import { createRing, type OutputStreamName, RingReader } from './output-ring.ts';

/** How long a guest may take to notice that it is being stopped, unless clients wait for its answer. */
const NOTICE_MS = 100;

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

/** One run of a guest in a thread of its own, seen from the main thread. */
export class GuestRun {
  /** Resolves when the guest runs, with its published ports; rejects with GuestStartError. */
  readonly started: Promise<readonly PublishedListener[]>;
  /** Resolves when the thread is gone and all that the guest printed was handed over. Never rejects. */
  readonly ended: Promise<ExitStatus>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #ring: RingReader;
  readonly #hooks: GuestHooks;
  readonly #start = Promise.withResolvers<readonly PublishedListener[]>();
  readonly #end = Promise.withResolvers<ExitStatus>();
  #exit: ExitStatus | undefined;
  #patience: NodeJS.Timeout | undefined;
  #deadline = Infinity;

  /** The worker is this run's from now on. */
  constructor(worker: Worker, request: Omit<GuestRequest, 'output'>, hooks: GuestHooks) {
    this.started = this.#start.promise;
    this.ended = this.#end.promise;
    // Who only waits for the end must not be punished for a start that failed.
    this.started.catch(() => undefined);
    this.#worker = worker;
    this.#hooks = hooks;
    const output = createRing();
    this.#ring = new RingReader(output);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromGuest) => this.#take(message));
    worker.once('error', (error) => this.#finish({ how: 'lost', reason: describe(error) }));
    worker.once('exit', (code) => this.#gone(code));
    const message: RunMessage = { type: 'run', port: port2, request: { ...request, output } };
    worker.postMessage(message, [port2]);
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
    this.#wait(Math.min(graceMs, NOTICE_MS), look);
  }

  kill(): void {
    this.#finish({ how: 'killed' });
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

  /** The first reason counts; the thread is ended for all of them. */
  #finish(exit: ExitStatus): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    clearTimeout(this.#patience);
    void this.#worker.terminate();
  }

  #gone(code: number): void {
    clearTimeout(this.#patience);
    this.#exit ??= { how: 'lost', reason: `its thread ended with code ${code}` };
    this.#port.close();
    this.#drain();
    this.#start.reject(new GuestStartError({ why: 'host', message: describeExit(this.#exit), stack: undefined }));
    this.#end.resolve(this.#exit);
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
