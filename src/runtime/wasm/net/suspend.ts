import type { Waiters } from '../wasi/waiters.ts';

/** Suspends the guest until the promise is settled, so that a stop ends the wait; `then` gets its value or throws. */
export function suspendUntil<T, R>(waiters: Waiters, promise: Promise<T>, then: (value: T) => R): R | Promise<R> {
  let outcome: (() => T) | undefined;
  const settle = (result: () => T): void => {
    outcome = result;
    waiters.wake();
  };
  promise.then(
    (value) => settle(() => value),
    (error: unknown) =>
      settle(() => {
        throw error;
      }),
  );
  return waiters.until(
    () => outcome !== undefined,
    () => {
      if (outcome === undefined) throw new Error('woken before its time');
      return then(outcome());
    },
  );
}
