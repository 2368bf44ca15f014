import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

type Env = Record<string, string | undefined>;

function argumentsOf(command: string): readonly string[] {
  const script = `const { main } = await import(${JSON.stringify(MAIN)}); await main(${JSON.stringify(command.split(' '))});`;
  return ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
}

async function output(program: string, args: readonly string[], cwd: string, env: Env): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(program, args, { cwd, env }, (_error, stdout) => resolve(stdout));
  return await promise;
}

/** The Engine of these tests: nobody answers there. */
const ENGINE = '127.0.0.1:1';

interface Place {
  readonly project: string;
  readonly trace: string;
  readonly env: Env;
}

async function inEmptyHome(check: (place: Place) => Promise<void>): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'wc-read-only-'));
  const trace = mkdtempSync(join(tmpdir(), 'wc-trace-'));
  try {
    const [project, home] = [join(work, 'project'), join(work, 'home')];
    cpSync(CASE, project, { recursive: true });
    mkdirSync(home);
    const files = (): readonly string[] => readdirSync(work, { recursive: true, encoding: 'utf8' }).toSorted(byName);
    const before = files();
    // No directory but these: what would be kept would be seen.
    const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: home, DOCKER_HOST: `tcp://${ENGINE}` };
    await check({ project, trace, env });
    const after = files();
    if (after.join() !== before.join())
      throw new Error(`written: ${after.filter((one) => !before.includes(one)).join()}`);
  } finally {
    rmSync(work, { recursive: true });
    rmSync(trace, { recursive: true });
  }
}

test('commands that read write nothing: neither in the project nor in the home directory', async ({ expect }) => {
  await inEmptyHome(async ({ project, env }) => {
    await Promise.all(
      COMMANDS.map(async ([command, expected]) =>
        expect(await output(process.execPath, argumentsOf(command), project, env), command).toMatch(expected),
      ),
    );
  });
}, 60_000);

/** Not there on other systems, and forbidden in some containers; scripts/test.sh installs it. */
const traces = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** What changes a file or makes one, and what connects. */
const CALLS =
  'connect,sendto,bind,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,truncate,ftruncate,chmod,fchmodat,chown,fchownat';

/** Whom a command asks: its supervisor's socket, and the Engine where it wants to know what runs. */
const ASKS: Readonly<Record<string, readonly string[]>> = {
  ps: ['/ctl.sock', ENGINE],
  logs: ['/ctl.sock'],
  version: [ENGINE],
};

test.skipIf(!traces)(
  'commands that read connect to their supervisor and the Engine only, as strace sees it',
  async ({ expect }) => {
    await inEmptyHome(async ({ project, trace, env }) => {
      for (const [index, [command, expected]] of COMMANDS.entries()) {
        const file = join(trace, String(index));
        const args = ['-f', '-qq', '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', file];
        const printed = await output('strace', [...args, process.execPath, ...argumentsOf(command)], project, env);
        expect(printed, command).toMatch(expected);
        const { connects, changes } = readTrace(readFileSync(file, 'utf8'));
        expect(changes, command).toEqual([]);
        const allowed = ASKS[command] ?? [];
        expect(
          connects.filter((to) => !allowed.some((one) => to.endsWith(one))),
          command,
        ).toEqual([]);
      }
    });
  },
  120_000,
);

function readTrace(text: string): { readonly connects: readonly string[]; readonly changes: readonly string[] } {
  const connects: string[] = [];
  const changes: string[] = [];
  for (const line of text.split('\n')) {
    const [, call = '', rest = ''] = /^\d+ +([a-z0-9]+)\((.*)$/.exec(line) ?? [];
    if (call === 'connect') {
      const [, path] = /sun_path=@?"([^"]*)"/.exec(rest) ?? [];
      const [, port, host] = /htons\((\d+)\).*?"([^"]+)"/.exec(rest) ?? [];
      connects.push(path ?? `${host}:${port}`);
    } else if (call.startsWith('open')) {
      if (/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(rest) && !rest.includes('"/dev/')) changes.push(line);
    } else if (call !== '') changes.push(line);
  }
  return { connects, changes };
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
