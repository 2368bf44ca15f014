import { describe, test } from 'vitest';

import { toMs } from '../../../src/runtime/container/log-frames.ts';
import type { LogLine } from '../../../src/runtime/container/log-frames.ts';
import { LogPosition } from '../../../src/runtime/container/log-position.ts';

function line(stream: LogLine['stream'], nanos: number, seconds = 100): LogLine {
  return { stream, time: { seconds, nanos }, text: Buffer.from('x\n') };
}

/** Reads the whole log `length` lines far, and once more from there; returns which lines were taken each time. */
function readTwice(log: readonly LogLine[], length: number): readonly (readonly number[])[] {
  const position = new LogPosition(undefined);
  position.begin();
  const first = log.slice(0, length).flatMap((one, at) => (position.take(one) ? [at] : []));
  const since = Number(position.begin() ?? 0) * 1000;
  const second = log.flatMap((one, at) => (toMs(one.time) >= since && position.take(one) ? [at] : []));
  return [first, second];
}

describe('where a log is resumed', () => {
  const logs: Readonly<Record<string, readonly LogLine[]>> = {
    'lines of one stream': [1, 2, 3, 4].map((nanos) => line('stdout', nanos)),
    'lines of the same moment': [1, 1, 1, 2, 2, 2].map((nanos) => line('stdout', nanos)),
    'two streams of which one is written late': [
      line('stdout', 1),
      line('stderr', 5),
      line('stdout', 2),
      line('stdout', 4),
      line('stderr', 6),
    ],
    'a stream that was silent for long': [
      line('stderr', 0, 10),
      line('stdout', 1),
      line('stdout', 2),
      line('stderr', 3),
    ],
  };
  for (const [what, log] of Object.entries(logs)) {
    test(`each line once: ${what}`, ({ expect }) => {
      for (let length = 0; length <= log.length; length++) {
        expect(readTwice(log, length).flat()).toEqual(log.map((_, at) => at));
      }
    });
  }

  test('the first reading of a process begins after what an earlier one has read', ({ expect }) => {
    const position = new LogPosition(toMs({ seconds: 100, nanos: 5_000_000 }));
    expect(position.begin()).toBe('100.005000000');
    expect(position.take(line('stdout', 5_000_000))).toBe(false);
    expect(position.take(line('stderr', 6_000_000))).toBe(true);
  });

  test('a clock that is set back hides no line', ({ expect }) => {
    const position = new LogPosition(undefined);
    expect(position.begin()).toBeUndefined();
    expect(
      [line('stdout', 0, 200), line('stdout', 0, 100), line('stdout', 1, 100)].map((one) => position.take(one)),
    ).toEqual([true, true, true]);
  });
});
