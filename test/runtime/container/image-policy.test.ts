import { describe, test } from 'vitest';

import { isDue } from '../../../src/runtime/container/images.ts';
import { LayerTable } from '../../../src/runtime/container/layer-table.ts';
import type { PullPolicy } from '../../../src/model/project.ts';

const HOUR = 3_600_000;
const now = Date.parse('2026-01-02T00:00:00Z');

describe('whether an image that is there is asked for again', () => {
  const cases: readonly (readonly [PullPolicy, string | undefined, boolean])[] = [
    ['always', undefined, true],
    ['missing', undefined, false],
    ['never', undefined, false],
    ['build', undefined, false],
    [`every:${HOUR}`, '2026-01-01T23:30:00Z', false],
    [`every:${HOUR}`, '2026-01-01T22:30:00Z', true],
    [`every:${HOUR}`, '0001-01-01T00:00:00Z', true],
    [`every:${HOUR}`, undefined, true],
  ];
  for (const [policy, taggedAt, expected] of cases) {
    test(`${policy}, tagged ${taggedAt ?? 'never'}`, ({ expect }) => {
      const image = { Id: 'x', Os: 'linux', Architecture: 'amd64' };
      const metadata = taggedAt === undefined ? {} : { Metadata: { LastTagTime: taggedAt } };
      expect(isDue(policy, { ...image, ...metadata }, now)).toBe(expected);
    });
  }
});

test('the layers of a pull: bytes of the download, and how many are done', ({ expect }) => {
  const layers = new LayerTable('pull');
  const take = (id: string, status: string, current?: number, total?: number): boolean =>
    layers.take({
      id,
      status,
      ...(current === undefined || total === undefined ? {} : { progressDetail: { current, total } }),
    });
  expect(take('1.29', 'Pulling from library/nginx')).toBe(false);
  expect(take('a', 'Pulling fs layer')).toBe(true);
  expect(take('a', 'Pulling fs layer')).toBe(false);
  take('b', 'Already exists');
  take('a', 'Downloading', 5, 10);
  expect(layers.progress('Pulling')).toMatchObject({ step: 'Pulling (1 of 2 layers)', done: 5, total: 10 });
  take('a', 'Download complete');
  take('a', 'Extracting', 1, 10);
  expect(layers.progress('Pulling')).toMatchObject({ done: 10, total: 10 });
  take('a', 'Pull complete');
  expect(layers.progress('Pulling').step).toBe('Pulling (2 of 2 layers)');
});
