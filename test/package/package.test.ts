import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { eventually, freePort } from '../e2e/project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wc-package-'));

/** What npm tells the scripts it runs would make another npm work in the wrong directory. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')),
);
/** Nothing of this checkout is on it. npm runs on the Node it came with: on another it would miss its configuration. */
const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !`${entry}/`.startsWith(root));
const pathOfUser = path.join(delimiter);
const pathWithThisNode = [dirname(process.execPath), ...path].join(delimiter);

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = { ...environment, PATH: pathOfUser };
  const { stdout } = await execa('npm', [...args], { cwd, env, extendEnv: false, stdin: 'ignore', timeout: 150_000 });
  return stdout;
}

describe('the packed package', () => {
  let packed: Packed;

  beforeAll(async () => {
    // The build was made before the tests; an old one here would be a test of something else.
    await execa(process.execPath, [join(root, 'scripts/build.mjs')]);
    const listed = JSON.parse(
      await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', dir),
    ) as Packed[];
    packed = listed[0] as Packed;
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('has all the program reads at run time, and nothing else of the repository', ({ expect }) => {
    const files = packed.files.map((file) => file.path);
    // The client's are bundled.
    const modules = globSync('{control,logs,model,net,plan,runtime,storage,supervisor,util}/**/*.ts', {
      cwd: join(root, 'src'),
      exclude: ['**/*.d.ts'],
    });
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'bin/package.json',
        'bin/wcompose.js',
        'dist/cli/LICENSES',
        'dist/cli/main.cjs',
        'package.json',
        'relay/bin/relay-amd64',
        'relay/bin/relay-arm64',
        ...modules.map((file) => `dist/${file.replace(/ts$/, 'js')}`),
      ]),
    );
    const wanted =
      /^(bin|dist|completions|schemas|relay\/bin)\/|^(CHANGELOG\.md|LICENSE|NOTICE|README\.md|package\.json)$/;
    expect(files.filter((file) => !wanted.test(file) || file.endsWith('.ts') || file.includes('/.'))).toEqual([]);
  });

  test('is as publint wants it', async ({ expect }) => {
    const tarball = readFileSync(join(dir, packed.filename));
    const bytes = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength);
    expect((await publint({ pack: { tarball: bytes } })).messages).toEqual([]);
  });

  test(
    'installed without development dependencies, it runs two WebAssembly services without an Engine',
    { timeout: 300_000 },
    async ({ expect }) => {
      const app = join(dir, 'app');
      mkdirSync(app);
      writeFileSync(join(app, 'package.json'), '{"private": true}');
      // No package below it needs to compile anything: that would take longer than all the rest.
      const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
      await npm(app, 'install', ...flags, join(dir, packed.filename));
      for (const file of ['compose.yaml', 'hello.wasm'])
        cpSync(join(root, 'examples/hello-wasm', file), join(app, file));

      const home = join(dir, 'home');
      mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 });
      const [hello, front] = [await freePort(), await freePort()];
      const env = {
        PATH: pathWithThisNode,
        HOME: home,
        XDG_RUNTIME_DIR: join(home, 'run'),
        DOCKER_HOST: 'unix:///nonexistent/docker.sock',
        HELLO_PORT: String(hello),
        FRONT_PORT: String(front),
      };
      const wcompose = async (...args: readonly string[]) =>
        await execa(join(app, 'node_modules/.bin/wcompose'), [...args], {
          cwd: app,
          env,
          extendEnv: false,
          reject: false,
          timeout: 60_000,
          stdin: 'ignore',
        });

      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
      expect((await wcompose('version', '--short')).stdout).toBe(version);
      try {
        const up = await wcompose('up', '-d', '--wait');
        expect(up, up.stderr).toMatchObject({ exitCode: 0 });
        expect(await (await fetch(`http://127.0.0.1:${hello}/`)).text()).toBe('hello\n');
        expect(await (await fetch(`http://127.0.0.1:${front}/`)).text()).toBe('hello:8080 says: hello\n');
      } finally {
        const down = await wcompose('down');
        expect(down, down.stderr).toMatchObject({ exitCode: 0 });
      }
      // The supervisor ends by itself: nothing has this directory on its command line any more.
      await eventually(async () => expect((await execa('ps', ['-e', '-o', 'args='])).stdout).not.toContain(`${app}/`));
    },
  );
});
