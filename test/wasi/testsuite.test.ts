import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'vitest';
import { EXPECTED } from './expected.ts';
import { readSuite, runCase } from './suite.ts';

const suite = process.env['WASI_TESTSUITE'];

test('a case of the suite is a module and what its specification says', ({ expect }) => {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'wcompose-suite-'));
  try {
    const directory = path.join(base, 'tests/c/testsuite/wasm32-wasip1');
    fs.mkdirSync(directory, { recursive: true });
    for (const file of ['plain.wasm', 'said.wasm', 'notes.txt']) fs.writeFileSync(path.join(directory, file), '');
    const specification = { args: ['a'], env: { B: 'c' }, root: 'fs.dir', exit_code: 3, stdout: 'hello' };
    fs.writeFileSync(path.join(directory, 'said.json'), JSON.stringify(specification));
    const nothing = { args: [], env: {}, root: undefined, exitCode: 0, stdout: undefined, stderr: undefined };
    expect(readSuite(base)).toEqual([
      { ...nothing, name: 'c/plain', wasm: path.join(directory, 'plain.wasm') },
      {
        ...nothing,
        name: 'c/said',
        wasm: path.join(directory, 'said.wasm'),
        args: ['a'],
        env: { B: 'c' },
        root: path.join(directory, 'fs.dir'),
        exitCode: 3,
        stdout: 'hello',
      },
    ]);
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
  }
});

if (suite !== undefined) {
  const cases = readSuite(suite);

  test('every listed module is there', ({ expect }) => {
    const found = new Set(cases.map((it) => it.name));
    expect(Object.keys(EXPECTED).filter((name) => !found.has(name))).toEqual([]);
  });

  describe.concurrent.each(['host', 'memory'] as const)('wasi-testsuite on files of the %s', (files) => {
    for (const it of cases) {
      const expected = EXPECTED[it.name] ?? 'pass';
      test(it.name, { timeout: 60_000 }, async ({ expect, signal }) => {
        const wrong = await runCase(it, files, signal);
        if (expected === 'pass') expect(wrong).toBe('');
        else expect(wrong, `passes, though it should not: ${expected.fails}`).not.toBe('');
      });
    }
  });
}
