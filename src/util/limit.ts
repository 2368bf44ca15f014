export type Limiter = <T>(task: () => Promise<T>) => Promise<T>;

/** Lets at most `size` tasks run at once; the others wait in order. */
export function limit(size: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // The slot passes on to the next waiter, so that `running` never drops and rises between two tasks.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
