import { clearTimeout, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';

import type { CarrierEvents, GuestCarrier } from './carrier.ts';
import type { FromGuest, GuestRequest, RunMessage, ToGuest, Turns } from './messages.ts';
import { createRing, type OutputStreamName, RingReader } from './output-ring.ts';

export interface ThreadOptions {
  /** Where a thread with several guests notes whose turn it is, and the number of this one. */
  readonly turns?: Turns;
  /** The run is over; a thread of its own has been ended by then. */
  readonly release: () => void;
}

/** How long what a guest prints may wait in the ring, while it prints much. */
const DRAIN_MS = 1;

/** A run in a thread of this process. */
export class ThreadCarrier implements GuestCarrier {
  readonly #worker: Worker;
  readonly #options: ThreadOptions;
  readonly #events: CarrierEvents;
  readonly #port: MessagePort;
  readonly #ring: RingReader;
  #nextDrain: NodeJS.Timeout | undefined;
  #isReleased = false;
  /** CPU time of threads below the guest's own. */
  #threadsMs = 0;
  #reason: string | undefined;

  constructor(worker: Worker, options: ThreadOptions, request: Omit<GuestRequest, 'output'>, events: CarrierEvents) {
    this.#worker = worker;
    this.#options = options;
    this.#events = events;
    const output = createRing(options.turns === undefined ? 'own' : 'shared');
    this.#ring = new RingReader(output);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', this.#take);
    worker.once('error', this.#onError);
    worker.once('exit', this.#onExit);
    const { turns } = options;
    const message: RunMessage = { type: 'run', port: port2, request: { ...request, output }, turns };
    worker.postMessage(message, [port2]);
  }

  get owed(): number {
    return this.#ring.owed;
  }

  post(message: ToGuest): void {
    this.#port.postMessage(message);
  }

  async cpuMs(): Promise<number | undefined> {
    // What the guests of a thread use each, nobody knows.
    if (this.#options.turns !== undefined) return undefined;
    const { user, system } = await this.#worker.cpuUsage();
    return (user + system) / 1_000 + this.#threadsMs;
  }

  terminate(): void {
    void this.#worker.terminate();
  }

  release(): void {
    this.#worker.off('error', this.#onError).off('exit', this.#onExit);
    this.#port.close();
    this.#isReleased = true;
    this.drain();
    this.#options.release();
  }

  /** Tells what was printed and not told yet. Comes again by itself while there is something, as a message for each
   * line would cost more than the line. */
  drain(): void {
    clearTimeout(this.#nextDrain);
    this.#nextDrain = undefined;
    let hadSome = this.#ring.drain(this.#tell);
    if (!hadSome) {
      this.#ring.rest();
      hadSome = this.#ring.drain(this.#tell);
    }
    if (hadSome && !this.#isReleased) this.#nextDrain = setTimeout(this.#drainAgain, DRAIN_MS);
  }

  readonly #take = (message: FromGuest): void => {
    if (message.type === 'usage') this.#threadsMs = message.usage.threadsMs ?? 0;
    if (message.type !== 'output') this.#events.message(message);
    else if (this.#events.isBusy?.() !== true) this.drain();
  };

  readonly #tell = (stream: OutputStreamName, bytes: Uint8Array): void => this.#events.output(stream, bytes);

  /** Who is busy drains when it no longer is. */
  readonly #drainAgain = (): void => {
    if (this.#events.isBusy?.() !== true) this.drain();
  };

  /** The thread ends after it. */
  readonly #onError = (error: unknown): void => {
    this.#reason ??= error instanceof Error ? error.message : String(error);
  };

  readonly #onExit = (code: number): void => {
    // What it said before may not have been taken yet; the end of a thread comes on a way of its own.
    for (;;) {
      const left = receiveMessageOnPort(this.#port);
      if (left === undefined || this.#isReleased) break;
      this.#take(left.message as FromGuest);
    }
    const isShared = this.#options.turns !== undefined;
    const ended = isShared ? 'the thread it shared with others was ended' : `its thread ended (${code})`;
    this.#events.gone(this.#reason ?? ended);
  };
}
