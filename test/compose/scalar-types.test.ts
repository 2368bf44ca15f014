import { describe, test } from 'vitest';

import { durationMs, formatDuration, SCALAR_TYPES } from '../../src/compose/scalar-types.ts';
import { shellWords } from '../../src/compose/shell-words.ts';

describe('scalars in their canonical form', () => {
  for (const [type, value, expected] of [
    ['size', '64m', '67108864'],
    ['size', '1.5 GB', '1610612736'],
    ['size', '640kb', '655360'],
    ['size', '10MiB', '10485760'],
    ['size', 4096, '4096'],
    ['size', -1, '-1'],
    ['size', '-1', '-1'],
    ['size', 'much', undefined],
    ['duration', '90s', '1m30s'],
    ['duration', '1h5m30s20ms', '1h5m30.02s'],
    ['duration', '1d', '24h0m0s'],
    ['duration', '10us', '10µs'],
    ['duration', '10', undefined],
    ['boolean', 'Yes', true],
    ['boolean', 'off', false],
    ['boolean', 'TRUE', true],
    ['boolean', 1, undefined],
    ['integer', '12', 12],
    ['integer', '1.5', undefined],
    ['integer', '', undefined],
    ['number', '0.5', 0.5],
    ['number', 'NaN', undefined],
    ['fileMode', 0o440, '0440'],
    ['fileMode', '0440', '0440'],
    ['fileMode', '0o440', '0440'],
    ['fileMode', '9', undefined],
    ['count', 'all', -1],
    ['count', '2', 2],
    ['string', 1, undefined],
    ['text', true, 'true'],
  ] as const) {
    test(`${type} ${JSON.stringify(value)}`, ({ expect }) => {
      expect(SCALAR_TYPES[type].read(value)).toBe(expected);
    });
  }

  test('a duration that was printed is read as the same', ({ expect }) => {
    for (const ms of [0, 0.001, 1, 999, 1000, 61_500, 3_600_000, 90_061_001]) {
      expect(durationMs(formatDuration(ms))).toBeCloseTo(ms, 6);
    }
  });
});

describe('words of a command', () => {
  for (const [text, words] of [
    ['python app.py', ['python', 'app.py']],
    [String.raw`sh -c "echo \"a\" \n $X"`, ['sh', '-c', String.raw`echo "a" \n $X`]],
    [String.raw`a\ b 'c d'e ''`, ['a b', 'c de', '']],
    ['  ', []],
    ['"open', undefined],
    ["it's", undefined],
    ['end\\', undefined],
  ] as const) {
    test(text, ({ expect }) => {
      expect(shellWords(text)).toEqual(words);
    });
  }
});
