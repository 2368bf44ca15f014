import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { loadModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import type { LoadOptions, ModelOptions } from '../../src/compose/load-options.ts';
import { configData } from '../../src/compose/print-config.ts';
import { toProject } from '../../src/compose/to-project.ts';
import { WcError, WcErrors } from '../../src/model/diagnostic.ts';
import { formatError, formatWarning } from '../../src/model/format-diagnostic.ts';

/*
 * A case is a directory: test/cases/<topic>/<case>/ with a compose.yaml, further files, and
 *
 * | case.json      | optional: what the command line and the environment would say        |
 * | expected.json  | the model, or the project, that the files mean; with its warnings    |
 * | expected.err   | or what the user is told                                             |
 *
 * `UPDATE=1` writes what came out; read it before it is committed. `{{DIR}}` stands for the directory of the case.
 */
interface Case extends Partial<Omit<LoadOptions, 'cwd' | 'stdin'>> {
  /** `model` (default): as `config` prints it. `project`: what runs. */
  readonly shows?: 'model' | 'project';
  readonly stages?: Partial<ModelOptions>;
  readonly stdin?: string;
}

const ROOT = join(import.meta.dirname, '../cases');
const UPDATE = process.env['UPDATE'] === '1';

function folders(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

async function outcome(given: Case, dir: string): Promise<{ readonly json?: unknown; readonly error?: string }> {
  const { shows, stages, stdin, ...rest } = given;
  const options: LoadOptions = {
    cwd: dir,
    files: [],
    envFiles: [],
    profiles: [],
    services: [],
    env: {},
    ...rest,
    stdin: async () => stdin ?? '',
  };
  try {
    const loaded = await loadModel(options, { ...RUN_MODEL, select: true, ...stages }, new AbortController().signal);
    const made = shows === 'project' ? toProject(loaded) : undefined;
    const warnings = [...loaded.warnings, ...(made?.warnings ?? [])].map((one) => formatWarning(one).split('\n')[0]);
    const data = made?.project ?? configData(loaded.model, false);
    return { json: warnings.length === 0 ? { data } : { warnings, data } };
  } catch (error) {
    const all = error instanceof WcErrors ? error.errors : [error];
    if (!all.every((one) => one instanceof WcError)) throw error;
    return { error: `${all.map(formatError).join('\n')}\n` };
  }
}

for (const topic of folders(ROOT)) {
  describe(`compose files: ${topic}`, () => {
    for (const name of folders(join(ROOT, topic))) {
      test(name.replaceAll('-', ' '), async ({ expect }) => {
        const source = join(ROOT, topic, name);
        const work = realpathSync(mkdtempSync(join(tmpdir(), 'wc-case-')));
        const dir = join(work, name);
        try {
          cpSync(source, dir, { recursive: true });
          const file = join(dir, 'case.json');
          const given = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Case) : {};
          const { json, error } = await outcome(given, dir);
          const [kind, other] = error === undefined ? ['json', 'err'] : ['err', 'json'];
          // Where the directory is part of what is hashed, each run has another hash: service-hash.test.ts is about them.
          const text = (error ?? `${JSON.stringify(json, undefined, 2)}\n`)
            .replaceAll(dir, '{{DIR}}')
            .replaceAll(/(?<=[hH]ash": ")[0-9a-f]{64}/g, '{{HASH}}');
          const expected = join(source, `expected.${kind}`);
          if (UPDATE) {
            rmSync(join(source, `expected.${other}`), { force: true });
            writeFileSync(expected, text);
          }
          expect(existsSync(expected), `${text}\nexpected.${kind} is missing`).toBe(true);
          expect(text).toBe(readFileSync(expected, 'utf8'));
        } finally {
          rmSync(work, { recursive: true });
        }
      });
    }
  });
}

test('every directory of test/cases is a case', ({ expect }) => {
  const all = folders(ROOT).flatMap((topic) => folders(join(ROOT, topic)).map((name) => join(topic, name)));
  const isCase = (path: string): boolean => {
    const files = readdirSync(join(ROOT, path));
    const input = files.some((file) => /\.ya?ml$/.test(file)) || files.includes('case.json');
    return input && files.filter((file) => file.startsWith('expected.')).length === 1;
  };
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter((path) => !isCase(path))).toEqual([]);
});
