import { describe, test } from 'vitest';

import { workerUrl } from '../../src/util/worker-url.ts';

describe('the entry of a worker', () => {
  const rows = {
    '/app/src/runtime/pool.ts': 'file:///app/src/runtime/worker.ts',
    '/app/dist/runtime/pool.js': 'file:///app/dist/runtime/worker.js',
    '/with space/ü/pool.js': 'file:///with%20space/%C3%BC/worker.js',
  };
  for (const [from, entry] of Object.entries(rows)) {
    test(`of ${from}`, ({ expect }) => {
      expect(workerUrl(from, 'worker').href).toBe(entry);
    });
  }
});
