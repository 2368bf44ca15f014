import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'vitest';

import { loadModel } from '../../src/compose/load-model.ts';
import type { LoadedModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import type { LoadOptions, ModelOptions } from '../../src/compose/load-options.ts';
import { formatConfig } from '../../src/compose/print-config.ts';

const ROOT = join(import.meta.dirname, '../cases');

/** As in cases.test.ts. */
interface Case extends Partial<Omit<LoadOptions, 'cwd' | 'stdin'>> {
  readonly shows?: 'model' | 'project';
  readonly stages?: Partial<ModelOptions>;
  readonly stdin?: string;
}

async function load(cwd: string, { stages, stdin = '', ...given }: Case): Promise<LoadedModel> {
  const options = {
    cwd,
    files: [],
    envFiles: [],
    profiles: ['*'],
    services: [],
    env: {},
    ...given,
    stdin: async () => stdin,
  };
  return await loadModel(options, { ...RUN_MODEL, allResources: true, ...stages }, new AbortController().signal);
}

/** Without what decided which files were read and what they became: the output says that already. */
function again({ profiles, stages }: Case): Case {
  return { ...(profiles === undefined ? {} : { profiles }), ...(stages === undefined ? {} : { stages }) };
}

function readCase(dir: string): Case {
  const file = join(dir, 'case.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Case) : {};
}

describe('what config prints means the same when it is read again', () => {
  const cases = globSync(join(ROOT, '*/*/expected.json')).map(dirname);

  for (const dir of cases) {
    test(relative(ROOT, dir), async ({ expect }) => {
      const given = readCase(dir);
      const first = await load(dir, given);
      const work = mkdtempSync(join(tmpdir(), 'wc-again-'));
      try {
        writeFileSync(join(work, 'compose.yaml'), formatConfig(first.model, { format: 'yaml' }));
        const second = await load(work, again(given));
        expect(formatConfig(second.model, { format: 'json' })).toBe(formatConfig(first.model, { format: 'json' }));
      } finally {
        rmSync(work, { recursive: true });
      }
    });
  }

  test('there are such cases', ({ expect }) => {
    expect(cases.length).toBeGreaterThan(25);
  });
});
