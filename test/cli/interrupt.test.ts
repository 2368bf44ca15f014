import { describe, test } from 'vitest';

import { Interrupts } from '../../src/cli/interrupt.ts';

const listeners = (): readonly number[] => (['SIGINT', 'SIGTERM'] as const).map((name) => process.listenerCount(name));

describe('interrupts', () => {
  test('end the process as usual until somebody listens, and again afterwards', ({ expect }) => {
    const before = listeners();
    {
      using interrupts = new Interrupts();
      expect(listeners()).toEqual(before);
      interrupts.until(new AbortController().signal);
      interrupts.listen(() => {});
      expect(listeners()).toEqual(before.map((count) => count + 1));
    }
    expect(listeners()).toEqual(before);
  });

  test('are counted, and told to who listened last', ({ expect }) => {
    using interrupts = new Interrupts();
    const first = interrupts.until(new AbortController().signal);
    process.emit('SIGINT');
    expect([interrupts.count, first.aborted]).toEqual([1, true]);
    const counts: number[] = [];
    interrupts.listen((count) => counts.push(count));
    process.emit('SIGTERM');
    process.emit('SIGINT');
    expect(counts).toEqual([2, 3]);
  });
});
