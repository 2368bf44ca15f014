import { test } from 'vitest';

import { FreeNumbers } from '../../src/util/free-numbers.ts';

test('the smallest free number comes first, also one that was given back', ({ expect }) => {
  const numbers = new FreeNumbers();
  expect([numbers.take(), numbers.take(), numbers.take()]).toEqual([0, 1, 2]);
  numbers.give(1);
  numbers.give(0);
  expect([numbers.take(), numbers.take(), numbers.take()]).toEqual([0, 1, 3]);
});
