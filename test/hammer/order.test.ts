import { setImmediate as turn } from 'node:timers/promises';

import { describe, test } from 'vitest';

import { AsyncQueue } from '../../src/util/async-queue.ts';
import { Broadcast } from '../../src/util/broadcast.ts';
import { limit } from '../../src/util/limit.ts';
import { Serial } from '../../src/util/serial.ts';

const TASKS = 3_000;
const numbers = Array.from({ length: TASKS }, (_, at) => at);

/** Ends at once, in a microtask, in a later turn, or badly. */
async function work(at: number): Promise<number> {
  if (at % 3 === 1) await Promise.resolve();
  if (at % 7 === 2) await turn();
  if (fails(at)) throw new Error(`task ${at}`);
  return at;
}

function fails(at: number): boolean {
  return at % 11 === 3;
}

/** Runs all tasks at once by `run`; tells in which order they began and how many ran together at most. */
async function race(
  run: <T>(task: () => Promise<T>) => Promise<T>,
): Promise<{ readonly order: readonly number[]; readonly most: number; readonly failed: readonly number[] }> {
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const task = async (at: number): Promise<number> => {
    most = Math.max(most, ++inside);
    order.push(at);
    try {
      return await work(at);
    } finally {
      inside--;
    }
  };
  const results = await Promise.allSettled(numbers.map(async (at) => await run(async () => await task(at))));
  return { order, most, failed: numbers.filter((at) => results[at]?.status === 'rejected') };
}

describe('thousands of tasks at once', () => {
  test('in a serial queue run one at a time in the order they came, also after those that fail', async ({ expect }) => {
    const serial = new Serial();
    const { order, most, failed } = await race(async (task) => await serial.run(task));
    expect(most).toBe(1);
    expect(order).toEqual(numbers);
    expect(failed).toEqual(numbers.filter(fails));
  });

  test.for([1, 2, 16])(
    'behind a limit of %i never exceed it, use it whole, and keep their order',
    async (size, { expect }) => {
      const { order, most, failed } = await race(limit(size));
      expect(most).toBe(size);
      expect(order).toEqual(numbers);
      expect(failed).toEqual(numbers.filter(fails));
    },
  );

  test('that come in waves find the places of a limit free again', async ({ expect }) => {
    const atOnce = limit(4);
    for (let wave = 0; wave < 50; wave++) {
      const { most } = await racing(atOnce, 1 + (wave % 9));
      expect(most).toBe(Math.min(4, 1 + (wave % 9)));
    }
  });
});

async function racing(run: <T>(task: () => Promise<T>) => Promise<T>, count: number): Promise<{ most: number }> {
  let inside = 0;
  let most = 0;
  const one = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await turn();
    inside--;
  };
  await Promise.all(Array.from({ length: count }, async () => await run(one)));
  return { most };
}

describe('a queue between a producer and a consumer', () => {
  test('delivers everything in order, whoever is quicker, and ends when it is closed', async ({ expect }) => {
    const queue = new AsyncQueue<number>(new AbortController().signal);
    const consumed: number[] = [];
    const consumer = (async () => {
      for await (const item of queue) {
        consumed.push(item);
        if (item % 97 === 0) await turn();
      }
    })();
    for (const item of numbers) {
      queue.push(item);
      if (item % 53 === 0) await turn();
    }
    queue.close();
    queue.push(-1);
    await consumer;
    expect(consumed).toEqual(numbers);
  });

  test('does not hang, whenever the signal comes', async ({ expect }) => {
    for (let round = 0; round < 500; round++) {
      const stop = new AbortController();
      const queue = new AsyncQueue<number>(stop.signal);
      const consumer = (async () => {
        let last = -1;
        for await (const item of queue) last = item;
        return last;
      })();
      queue.push(1);
      if (round % 2 === 0) await turn();
      if (round % 3 === 0) queue.push(2);
      stop.abort();
      expect(await consumer).toBe(round % 3 === 0 ? 2 : 1);
    }
  });
});

describe('a broadcast', () => {
  test('reaches exactly those who listen, while listeners come and go within it', ({ expect }) => {
    const broadcast = new Broadcast<number>();
    const heard = new Map<number, number[]>();
    const subscribe = (first: number, last: number): void => {
      const mine: number[] = [];
      heard.set(first, mine);
      const subscription = broadcast.subscribe((event) => {
        mine.push(event);
        if (event === last) subscription[Symbol.dispose]();
      });
    };
    // Each listener lives for ten events; one comes with every event.
    for (const event of numbers) {
      subscribe(event, event + 9);
      broadcast.emit(event);
    }
    for (const [first, mine] of heard) {
      expect(mine).toEqual(numbers.slice(first, first + 10));
    }
  });

  test('that has a listener which fails still reaches the others', ({ expect }) => {
    const broadcast = new Broadcast<number>();
    let reached = 0;
    broadcast.subscribe(() => reached++);
    broadcast.subscribe(() => {
      throw new Error('a listener');
    });
    broadcast.subscribe(() => reached++);
    expect(() => broadcast.emit(1)).toThrow('a listener');
    expect(reached).toBe(2);
  });
});
