import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'vitest';

import { loadModel } from '../../src/compose/load-model.ts';
import type { LoadedModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import { formatConfig } from '../../src/compose/print-config.ts';

const ROOT = join(import.meta.dirname, '../cases');

async function load(file: string): Promise<LoadedModel> {
  const options = {
    cwd: dirname(file),
    files: [file],
    envFiles: [],
    profiles: ['*'],
    services: [],
    env: {},
    stdin: async () => '',
  };
  return await loadModel(options, { ...RUN_MODEL, allResources: true }, new AbortController().signal);
}

describe('what config prints means the same when it is read again', () => {
  // Cases without options of their own that mean something.
  const cases = globSync(join(ROOT, '*/*/expected.json'))
    .map(dirname)
    .filter((dir) => globSync(join(dir, 'case.json')).length === 0);

  for (const dir of cases) {
    test(relative(ROOT, dir), async ({ expect }) => {
      const first = await load(join(dir, 'compose.yaml'));
      const work = mkdtempSync(join(tmpdir(), 'wc-again-'));
      try {
        const file = join(work, 'compose.yaml');
        writeFileSync(file, formatConfig(first.model, { format: 'yaml' }));
        const again = await load(file);
        expect(formatConfig(again.model, { format: 'json' })).toBe(formatConfig(first.model, { format: 'json' }));
      } finally {
        rmSync(work, { recursive: true });
      }
    });
  }

  test('there are such cases', ({ expect }) => {
    expect(cases.length).toBeGreaterThan(3);
  });
});
