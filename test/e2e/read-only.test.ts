import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { test } from 'vitest';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const CASE = join(import.meta.dirname, '../cases/merge/reset-and-override');

/** With what each prints; `ps` and `logs` find neither supervisor nor Engine here and may say so. */
const COMMANDS = [
  ['config', /image: a/],
  ['config --hash *', /web [0-9a-f]{64}/],
  ['why web', /^image +a +compose.yaml:4:12$/m],
  ['version', /wcompose version/],
  ['ps', /^/],
  ['logs', /^/],
] as const;

async function output(command: string, cwd: string, env: Record<string, string | undefined>): Promise<string> {
  const script = `const { main } = await import(${JSON.stringify(MAIN)}); await main(${JSON.stringify(command.split(' '))});`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(process.execPath, args, { cwd, env }, (_error, stdout) => resolve(stdout));
  return await promise;
}

test('commands that read write nothing: neither in the project nor in the home directory', async ({ expect }) => {
  const work = mkdtempSync(join(tmpdir(), 'wc-read-only-'));
  try {
    const [project, home] = [join(work, 'project'), join(work, 'home')];
    cpSync(CASE, project, { recursive: true });
    mkdirSync(home);
    const before = readdirSync(work, { recursive: true, encoding: 'utf8' }).toSorted(byName);
    // No directory but these: what would be kept would be seen. An Engine that nobody answers for.
    const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: home, DOCKER_HOST: 'tcp://127.0.0.1:1' };
    await Promise.all(
      COMMANDS.map(async ([command, expected]) =>
        expect(await output(command, project, env), command).toMatch(expected),
      ),
    );
    expect(readdirSync(work, { recursive: true, encoding: 'utf8' }).toSorted(byName)).toEqual(before);
  } finally {
    rmSync(work, { recursive: true });
  }
}, 60_000);

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
