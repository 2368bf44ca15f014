import { describe, test } from 'vitest';

import type { RequestKind } from '../../src/supervisor/request-queue.ts';
import { Overtaken, RequestQueue } from '../../src/supervisor/request-queue.ts';

const KINDS: readonly RequestKind[] = ['start', 'stop', 'kill', 'down', 'look'];

/** Runs until it is told to end, or let go. */
function openTask(
  queue: RequestQueue,
  kind: RequestKind,
): { readonly letGo: () => void; readonly ended: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = queue.run(kind, async (signal) => {
    if (signal.aborted) return reasonOf(signal);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    return reasonOf(signal);
  });
  return { letGo: resolve, ended };
}

function reasonOf(signal: AbortSignal): string {
  if (!signal.aborted) return 'done';
  return signal.reason instanceof Overtaken ? `ended by ${signal.reason.by}` : 'ended';
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('requests of several terminals', () => {
  test('which one ends which, running', async ({ expect }) => {
    const table: string[] = [];
    for (const running of KINDS) {
      for (const next of KINDS) {
        const queue = new RequestQueue();
        const first = openTask(queue, running);
        await turn();
        const second = openTask(queue, next);
        first.letGo();
        second.letGo();
        const how = await first.ended;
        if (how !== 'done') table.push(`${running} ${how}`);
        expect(await second.ended).toBe('done');
      }
    }
    expect(table).toEqual(['start ended by stop', 'start ended by kill', 'start ended by down', 'stop ended by kill']);
  });

  test('one that waits is ended by what came after it, and never by what came before', async ({ expect }) => {
    const queue = new RequestQueue();
    const down = openTask(queue, 'down');
    await turn();
    const overtaken = openTask(queue, 'start');
    const stop = openTask(queue, 'stop');
    const up = openTask(queue, 'start');
    for (const task of [down, overtaken, stop, up]) task.letGo();
    expect(await Promise.all([down.ended, overtaken.ended, stop.ended, up.ended])).toEqual([
      'done',
      'ended by stop',
      'done',
      'done',
    ]);
  });

  test('one that fails does not keep the next from running', async ({ expect }) => {
    const queue = new RequestQueue();
    const failing = queue.run('start', async () => {
      throw new Error('failed');
    });
    const next = openTask(queue, 'start');
    next.letGo();
    await expect(failing).rejects.toThrow('failed');
    expect(await next.ended).toBe('done');
  });
});
