import { clearInterval, setInterval } from 'node:timers';
import type { Worker } from 'node:worker_threads';

/** How long a guest may hold the thread that it shares: as long, nobody else in it gets a turn. */
export const HELD_MS = 5_000;
const LOOK_MS = 1_000;
/** How much of a look's time counts: a main thread that was kept from looking itself must not blame a guest. */
const COUNTED_MS = LOOK_MS * 1.5;
const BUSY = 0.9;

/*
 * What a thread notes of its guests, in memory that the main thread reads whatever the thread does:
 *
 *     turns -> | i32: guest that was given the thread last, 0: none | i32: how often one was |
 */
const TURNS_BYTES = 8;

export function createTurns(): SharedArrayBuffer {
  return new SharedArrayBuffer(TURNS_BYTES);
}

/** The thread's side: the guest is about to run. */
export function noteTurns(turns: SharedArrayBuffer, guest: number): () => void {
  const cells = new Int32Array(turns);
  return () => {
    cells[0] = guest;
    cells[1] = (cells[1] ?? 0) + 1;
  };
}

/** Looks at a thread that guests share, and tells once when one of them holds it. */
export class Watchdog implements Disposable {
  readonly #worker: Worker;
  readonly #cells: Int32Array;
  readonly #onHeld: (guest: number) => void;
  readonly #timer: NodeJS.Timeout;
  #lastTurn = -1;
  #lastLook = performance.now();
  #lastUse: ReturnType<Worker['performance']['eventLoopUtilization']>;
  #heldMs = 0;

  constructor(worker: Worker, turns: SharedArrayBuffer, onHeld: (guest: number) => void) {
    this.#worker = worker;
    this.#cells = new Int32Array(turns);
    this.#onHeld = onHeld;
    this.#lastUse = worker.performance.eventLoopUtilization();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const use = this.#worker.performance.eventLoopUtilization();
    const { utilization } = this.#worker.performance.eventLoopUtilization(use, this.#lastUse);
    const turn = Atomics.load(this.#cells, 1);
    const guest = Atomics.load(this.#cells, 0);
    const isHeld = guest !== 0 && turn === this.#lastTurn && utilization > BUSY;
    this.#heldMs = isHeld ? this.#heldMs + Math.min(now - this.#lastLook, COUNTED_MS) : 0;
    this.#lastTurn = turn;
    this.#lastLook = now;
    this.#lastUse = use;
    if (this.#heldMs < HELD_MS) return;
    this[Symbol.dispose]();
    this.#onHeld(guest);
  }
}
