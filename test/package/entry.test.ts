import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { describe, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Stands for the program in the sources: says what it runs as, then ends as its first argument says. */
const MAIN = `
export async function main(args) {
  if (args[0] === 'exit') process.exitCode = Number(args[1]);
  if (args[0] === 'wait') {
    const stays = setInterval(() => {}, 1000);
    process.on('SIGTERM', () => { clearInterval(stays); console.log('asked to end'); process.exitCode = 143; });
  }
  console.log([import.meta.filename.endsWith('.ts') ? 'src' : 'dist', process.version, ...args].join(' '));
}
`;

/** The same in a build, which is CommonJS. */
const BUILT = `${MAIN.replace('export ', '').replace('import.meta.filename', '__filename')}\nexports.main = main;`;

/** Makes bin/wcompose.js believe that an old Node without execve runs it. */
const OLD_NODE = `globalThis.process = new Proxy(process, {
  get(real, key) {
    if (key === 'versions') return { ...real.versions, node: '20.1.0' };
    if (key === 'version') return 'v20.1.0';
    if (key === 'execve') return undefined;
    const value = Reflect.get(real, key);
    return typeof value === 'function' ? value.bind(real) : value;
  },
});`;

class Installed implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'wc-entry-'));

  constructor(...files: readonly string[]) {
    cpSync(join(root, 'bin'), join(this.dir, 'bin'), { recursive: true });
    writeFileSync(join(this.dir, 'package.json'), '{"type": "module"}');
    for (const file of files) this.write(file, file.endsWith('.cjs') ? BUILT : MAIN);
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), content);
  }

  /** A checkout also has what tells an old build from a new one. */
  asCheckout(): this {
    cpSync(join(root, 'scripts/sources.mjs'), join(this.dir, 'scripts/sources.mjs'));
    for (const file of ['tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'])
      cpSync(join(root, file), join(this.dir, file));
    return this;
  }

  withPinnedNode(): this {
    mkdirSync(join(this.dir, 'node_modules/node/bin'), { recursive: true });
    symlinkSync(process.execPath, join(this.dir, 'node_modules/node/bin/node'));
    return this;
  }

  run(args: readonly string[], node: readonly string[] = []) {
    const env = { XDG_CACHE_HOME: join(this.dir, 'cache') };
    return execa(process.execPath, [...node, join(this.dir, 'bin/wcompose.js'), ...args], { env, reject: false });
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const onOldNode = ['--import', `data:text/javascript,${encodeURIComponent(OLD_NODE)}`];

describe('bin/wcompose.js on an old Node', () => {
  test('says in one line what is missing', async ({ expect }) => {
    using installed = new Installed('dist/cli/main.cjs');
    const ran = await installed.run([], onOldNode);
    expect(ran).toMatchObject({ exitCode: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^wcompose needs Node 24\.12 or newer; this is v20\.1\.0 [^\n]*$/);
  });

  test('goes on with the pinned Node; arguments and exit status pass through', async ({ expect }) => {
    using installed = new Installed('dist/cli/main.cjs').withPinnedNode();
    const ran = await installed.run(['exit', '7', 'two words'], onOldNode);
    expect(ran).toMatchObject({ exitCode: 7, stdout: `dist ${process.version} exit 7 two words`, stderr: '' });
  });

  test('a signal reaches the program, and its end becomes ours', async ({ expect }) => {
    using installed = new Installed('dist/cli/main.cjs').withPinnedNode();
    const running = installed.run(['wait'], onOldNode);
    running.stdout.once('data', () => running.kill('SIGTERM'));
    expect(await running).toMatchObject({ exitCode: 143, stdout: expect.stringContaining('asked to end') as string });
  });
});

describe('bin/wcompose.js runs', () => {
  test('the build, in an installed package', async ({ expect }) => {
    using installed = new Installed('dist/cli/main.cjs');
    expect(await installed.run(['ps'])).toMatchObject({ exitCode: 0, stdout: `dist ${process.version} ps` });
  });

  test('the sources, in a checkout that was not built', async ({ expect }) => {
    using installed = new Installed('src/cli/main.ts').asCheckout();
    expect(await installed.run(['ps'])).toMatchObject({ exitCode: 0, stdout: `src ${process.version} ps` });
  });

  test('the build, in a checkout, until a source changes, comes or goes', async ({ expect }) => {
    using installed = new Installed('dist/cli/main.cjs', 'src/cli/main.ts', 'src/cli/other.ts').asCheckout();
    const { describeSources, SOURCES_FILE } = (await import(join(installed.dir, 'scripts/sources.mjs'))) as {
      describeSources: (dir: string) => string;
      SOURCES_FILE: string;
    };
    const which = async (): Promise<string> => (await installed.run([])).stdout.split(' ')[0] ?? '';
    const build = (): void => installed.write(SOURCES_FILE, describeSources(installed.dir));
    build();
    expect(await which()).toBe('dist');
    installed.write('src/cli/main.ts', `${MAIN}\n`);
    expect(await which()).toBe('src');
    build();
    expect(await which()).toBe('dist');
    rmSync(join(installed.dir, 'src/cli/other.ts'));
    expect(await which()).toBe('src');
    build();
    installed.write('src/cli/new.ts', '');
    expect(await which()).toBe('src');
  });
});
