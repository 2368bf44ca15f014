import { defineConfig } from 'vitest/config';

/** Tests that no name matches are skipped, each by its name; the reports count them. */
const withoutEngine = process.env['WCOMPOSE_TEST_ENGINE'] === 'off';

/** Folders whose tests use sockets, processes and guests: too slow for `npm run check`. */
const WITH_MACHINE = 'contract,e2e,examples,package,registry,runtime,wasi';

/** unit: pure and quick, `npm run check`. runtime: real sockets, workers and guests. engine: needs a Docker Engine. */
export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [`test/{${WITH_MACHINE},bench}/**`, 'test/**/*.engine.test.ts'],
          pool: 'threads',
          isolate: false,
        },
      },
      {
        test: {
          name: 'runtime',
          include: [`test/{${WITH_MACHINE}}/**/*.test.ts`],
          exclude: ['test/**/*.engine.test.ts'],
          globalSetup: ['test/guests/global-setup.ts'],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'engine',
          ...(withoutEngine ? { testNamePattern: /^$/ } : {}),
          include: ['test/**/*.engine.test.ts'],
          globalSetup: ['test/guests/global-setup.ts', 'test/engine/global-setup.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
