import { readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { beforeAll, describe, test } from 'vitest';

import { serviceName } from '../../../../src/model/ids.ts';
import type { MountSpec, WasmService } from '../../../../src/model/project.ts';
import type { ExitStatus } from '../../../../src/model/state.ts';
import type { ResolvedMount } from '../../../../src/runtime/runtime.ts';
import { tcpPort, wasmService } from '../../../fake/wasm-service.ts';
import { buildComponent, type ComponentName } from '../../../guests/components/build.ts';
import { type Started, WasmBench } from '../wasm-bench.ts';

const built = new Map<ComponentName, string>();

beforeAll(async () => {
  for (const name of ['tool', 'stranger', 'library', 'everything', 'http'] as const) {
    built.set(name, await buildComponent(name));
  }
});

function component(name: ComponentName, args: readonly string[] = [], more: Partial<WasmService> = {}): WasmService {
  return wasmService('job', { path: built.get(name) ?? '' }, args, more);
}

function mount(hostPath: string, readOnly: boolean, target = '/data'): ResolvedMount {
  const origin = { file: 'compose.yaml', line: 5, column: 9, path: 'services.job.volumes[0]' };
  const spec: MountSpec = {
    type: 'bind',
    source: hostPath,
    target,
    readOnly,
    createHostPath: false,
    noCopy: false,
    origin,
  };
  return { spec, hostPath };
}

let runs = 0;

async function run(
  bench: WasmBench,
  args: readonly string[],
  mounts: readonly ResolvedMount[] = [],
  more: Partial<WasmService> = {},
): Promise<Started & { readonly exit: ExitStatus }> {
  const name = serviceName(`job${++runs}`);
  const started = await bench.up({ ...component('tool', args, more), name }, mounts);
  const { exit } = await bench.until(started.id, 'exited');
  return { ...started, exit };
}

describe('a component that is a command', () => {
  test('gets its arguments and its environment, and none of the host', async ({ expect }) => {
    await using bench = new WasmBench();
    const { logs, exit } = await run(bench, ['args', 'one', 'two words']);
    expect(exit).toEqual({ how: 'code', code: 0 });
    expect(logs.lines.map(({ text }) => text)).toEqual(['one', 'two words']);
    await using other = new WasmBench();
    const environment = { GREETING: 'hello' };
    const { logs: env } = await run(other, ['env', 'GREETING', 'HOME', 'HOSTNAME'], [], { environment });
    expect(env.lines.map(({ text }) => text)).toEqual(['GREETING=hello', 'HOSTNAME=host-2']);
  });

  test('its output is told by stream, and its exit status', async ({ expect }) => {
    await using bench = new WasmBench();
    const { logs } = await run(bench, ['print', 'out=a', 'err=b']);
    expect(logs.lines.map(({ stream, text }) => `${stream} ${text}`)).toEqual(['stdout a', 'stderr b']);
    await using other = new WasmBench();
    // The adapter of preview1 knows of success and failure only.
    expect((await run(other, ['exit', '7'])).exit).toEqual({ how: 'code', code: 1 });
  });

  test('a trap is told with the functions that it happened in', async ({ expect }) => {
    await using bench = new WasmBench();
    const { exit, logs } = await run(bench, ['trap']);
    expect(exit).toMatchObject({ how: 'trap', message: 'unreachable' });
    await logs.until('in fall at 0x');
  });

  test('reads and writes a shared mount, and only reads a read-only one', async ({ expect }) => {
    await using bench = new WasmBench();
    const dir = bench.directory();
    writeFileSync(path.join(dir, 'there'), 'from outside\n');
    expect((await run(bench, ['append', '/data/new', 'from inside'], [mount(dir, false)])).exit).toMatchObject({
      code: 0,
    });
    expect(readFileSync(path.join(dir, 'new'), 'utf8')).toBe('from inside\n');
    await using other = new WasmBench();
    const { logs, exit } = await run(other, ['append', '/data/there', 'no'], [mount(dir, true)]);
    expect(exit).toMatchObject({ code: 1 });
    expect(logs.lines[0]?.text).toMatch(/Read-only file system/);
    expect(readFileSync(path.join(dir, 'there'), 'utf8')).toBe('from outside\n');
  });

  const links = {
    'a link to a file outside': (dir: string, secret: string) => symlinkSync(secret, path.join(dir, 'link')),
    'a link out of the mount by dots': (dir: string, secret: string) =>
      symlinkSync(path.relative(dir, secret), path.join(dir, 'link')),
    'a link to a directory outside': (dir: string, secret: string) => {
      symlinkSync(path.dirname(secret), path.join(dir, 'out'));
      symlinkSync('out/secret', path.join(dir, 'link'));
    },
  };
  for (const [name, plant] of Object.entries(links)) {
    test(`does not get out of its files by ${name}`, async ({ expect }) => {
      await using bench = new WasmBench();
      const secret = path.join(bench.directory(), 'secret');
      writeFileSync(secret, 'the secret');
      const dir = bench.directory();
      plant(dir, secret);
      const { exit, logs } = await run(bench, ['read', '/data/link'], [mount(dir, false)]);
      expect(exit).toMatchObject({ how: 'code', code: 1 });
      expect(logs.lines.map(({ text }) => text).join()).not.toContain('the secret');
      expect((await run(bench, ['append', '/data/link', 'x'], [mount(dir, false)])).exit).toMatchObject({ code: 1 });
      expect(readFileSync(secret, 'utf8')).toBe('the secret');
    });
  }

  test('one that prints for ever, and one that waits for ever, are stopped', async ({ expect }) => {
    for (const does of ['flood', 'wait', 'spin']) {
      await using bench = new WasmBench();
      const { id } = await bench.up(component('tool', [does]));
      expect(await bench.runtime.stop(id, 300, bench.signal)).toEqual({ how: 'killed' });
    }
  });

  test('is held to its memory', async ({ expect }) => {
    await using bench = new WasmBench();
    const { logs } = await run(bench, ['grow', '64'], [], { memoryBytes: 16 * 1024 * 1024 });
    expect(logs.lines.at(-1)?.text).toMatch(/no memory|failed|1[0-9] MiB/);
  });
});

describe('a component is checked before anything of it runs', () => {
  const refusals: Readonly<Record<string, { service: () => WasmService; error: object }>> = {
    'it imports what nobody has': {
      service: () => component('stranger'),
      error: {
        code: 'ERR_MODULE_IMPORTS',
        message: /job: the component imports what the host does not have: wasi:keyvalue\/store@0.2.0-draft/,
        hint: /wasi:keyvalue is of wasmCloud and Spin: use a service such as redis/,
      },
    },
    'it is a library': {
      service: () => component('library'),
      error: { code: 'ERR_MODULE_INVALID', message: 'job: the component is no program: it exports add' },
    },
    'it is a command and the file says http': {
      service: () => component('tool', [], { interface: 'http' }),
      error: { code: 'ERR_MODULE_INVALID', message: /does not export wasi:http\/incoming-handler/ },
    },
    'the file says cgi': {
      service: () => component('tool', [], { interface: 'cgi' }),
      error: { code: /ERR_/ },
    },
    'the file says wasmer': {
      service: () => component('tool', [], { engine: 'wasmer' }),
      error: { code: 'ERR_MODULE_INVALID', message: /engine wasmer runs core modules/ },
    },
    'a core module shall answer http': {
      service: () => wasmService('job', 'tool', [], { interface: 'http', ports: [tcpPort(80)] }),
      error: { code: 'ERR_MODULE_INVALID', message: /a core module cannot answer wasi:http/ },
    },
  };
  for (const [name, { service, error }] of Object.entries(refusals)) {
    test(name, async ({ expect }) => {
      await using bench = new WasmBench();
      const prepared = bench.runtime.prepare(service(), () => undefined, bench.signal);
      await expect(prepared).rejects.toMatchObject(withMatchers(expect, error));
    });
  }

  test('one that is cut off is told so, wherever the cut is', async ({ expect }) => {
    await using bench = new WasmBench();
    const whole = readFileSync(built.get('http') ?? '');
    const file = path.join(bench.directory(), 'cut.wasm');
    for (let length = 8; length < whole.length; length += 397) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      const prepared = bench.runtime.prepare(wasmService('job', { path: file }, []), () => undefined, bench.signal);
      await expect(prepared).rejects.toMatchObject({ code: 'ERR_MODULE_INVALID' });
    }
  });

  test('the host has all that WASI 0.2 has', async ({ expect }) => {
    await using bench = new WasmBench();
    await expect(
      bench.runtime.prepare(component('everything'), () => undefined, bench.signal),
    ).resolves.toBeUndefined();
  });
});

/** Patterns become matchers. */
function withMatchers(
  expect: { stringMatching: (pattern: RegExp) => unknown },
  table: object,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key, value instanceof RegExp ? expect.stringMatching(value) : value]),
  );
}
