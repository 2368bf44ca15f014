import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

/** Ends a suspended guest: its instance is being stopped. */
export class GuestStopped extends Error {
  constructor() {
    super('the guest was stopped');
    this.name = 'GuestStopped';
  }
}

interface Waiter {
  /** Settles the guest's promise when its condition holds; true when it did. */
  check(now: number): boolean;
  reject(reason: Error): void;
  readonly deadline: number;
}

/**
 * The calls in which guests of one host are suspended. Conditions are checked once per event-loop turn after a
 * `wake()`, however many events came: a poll over n descriptors then costs O(n) per turn and not per event.
 */
export class Waiters {
  readonly #onTurn: (() => void) | undefined;
  #waiters: Waiter[] = [];
  #scheduled = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /** `onTurn` is called before guests that waited may go on. */
  constructor(onTurn?: () => void) {
    this.#onTurn = onTurn;
  }

  /** Something that a guest may wait for has changed. */
  wake(): void {
    if (this.#scheduled || this.#waiters.length === 0) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /**
   * Runs `then` at once when `ready()` holds; else returns a promise, which suspends the guest until it holds or the
   * deadline (`performance.now()` milliseconds) has passed, and then runs `then`. What `ready` or `then` throws ends
   * the wait with that error; `stop()` ends it with GuestStopped. With a deadline in the past it still waits for one
   * turn of the event loop: else a guest that polls in a loop would never see an event.
   */
  until<T>(ready: () => boolean, then: () => T, deadline = Infinity): T | Promise<T> {
    if (this.#stopped) throw new GuestStopped();
    if (ready()) return then();
    return new Promise<T>((resolve, reject) => {
      const check = (now: number): boolean => {
        try {
          if (!ready() && now < deadline) return false;
          resolve(then());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
        return true;
      };
      this.#waiters.push({ check, reject, deadline });
      if (deadline < this.#timerAt) this.#arm(deadline);
    });
  }

  /** Lets the event loop turn once. */
  turn<T>(result: T): Promise<T> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#onTurn?.();
        if (this.#stopped) reject(new GuestStopped());
        else resolve(result);
      });
    });
  }

  /** Ends every wait with GuestStopped, now and from now on. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new GuestStopped());
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#onTurn?.();
    const now = performance.now();
    if (waiters.length === 1) {
      if (waiters[0]?.check(now) === true) waiters.length = 0;
    } else this.#waiters = waiters.filter((waiter) => !waiter.check(now));
    this.#rearm();
  };

  readonly #timeUp = (): void => {
    this.#disarm();
    this.#turn();
  };

  /**
   * Leaves a timer that is early enough, also one for which nobody waits any more: it costs one empty turn, and a
   * guest that polls with a time-out in a loop does not pay for a timer each time.
   */
  #rearm(): void {
    let next = Infinity;
    for (const waiter of this.#waiters) if (waiter.deadline < next) next = waiter.deadline;
    if (next < this.#timerAt) this.#arm(next);
  }

  #arm(deadline: number): void {
    this.#disarm();
    this.#timerAt = deadline;
    const left = deadline - performance.now();
    // A timer takes a millisecond at least; what is shorter is waited for turn by turn. Timers also fire early by
    // a fraction, which ends here too.
    if (left < 1) this.#soon();
    else this.#timer = setTimeout(this.#timeUp, Math.min(left, 0x7fffffff));
  }

  #soon(): void {
    this.#timerAt = Infinity;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  #disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }
}
