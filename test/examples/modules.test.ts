import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { describe, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Build {
  readonly dir: string;
  readonly command: string;
  readonly output: string;
}

/** Every build that a compose file of an example names; two services may share one. */
function builds(): readonly Build[] {
  const found = new Map<string, Build>();
  for (const file of globSync('examples/*/compose.yaml', { cwd: root })) {
    const project = parse(readFileSync(join(root, file), 'utf8'), { merge: true }) as {
      services: Record<string, { 'x-wasm'?: { build?: { command: string; output: string } } }>;
    };
    for (const service of Object.values(project.services)) {
      const build = service['x-wasm']?.build;
      if (build !== undefined) found.set(join(dirname(file), build.output), { dir: dirname(file), ...build });
    }
  }
  return [...found.values()];
}

/** A copy of the examples from which the packages of this checkout can still be imported. */
function copyExamples(): Disposable & { readonly path: string } {
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const path = mkdtempSync(join(cache, 'examples-'));
  cpSync(join(root, 'examples'), join(path, 'examples'), { recursive: true });
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describe('a committed module of an example is what its sources give, byte for byte', () => {
  test('there are modules to build', ({ expect }) => {
    expect(builds().map(({ dir, output }) => join(dir, output))).toEqual(
      expect.arrayContaining(['examples/guestbook/api/api.wasm', 'examples/hello-wasm/hello.wasm']),
    );
  });

  test.for(builds())('$dir: $command', async ({ dir, command, output }, { expect }) => {
    using copy = copyExamples();
    rmSync(join(copy.path, dir, output));
    const env = { PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
    const { stdout, stderr } = await execa(command, { cwd: join(copy.path, dir), shell: true, env });
    expect(stdout + stderr).toBe('');
    const built = readFileSync(join(copy.path, dir, output));
    expect(built.equals(readFileSync(join(root, dir, output)))).toBe(true);
  });
});
