import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, test } from 'vitest';

import type { WasmService } from '../../../src/model/project.ts';
import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { assemble, op } from './wasi/assembler.ts';
import { WasmBench } from './wasm-bench.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const START = { signature: { params: '', results: '' }, body: [], exportAs: '_start' } as const;

describe('a module is checked before anything of it runs', () => {
  const rows: Readonly<Record<string, { bytes?: Uint8Array; more?: Partial<WasmService>; error: object }>> = {
    'there is no such file': {
      error: { code: 'ERR_MODULE_NOT_FOUND', message: /odd: module .*odd.wasm does not exist/ },
    },
    'it is something else': {
      bytes: Buffer.from('#!/bin/sh\n'),
      error: { code: 'ERR_MODULE_INVALID', message: /is not a WebAssembly module/ },
    },
    'it is a component without anything in it': {
      bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
      error: { code: 'ERR_MODULE_INVALID', message: 'odd: the component is no program: it exports nothing' },
    },
    'it is cut off': {
      bytes: assemble({ functions: [START] }).subarray(0, 30),
      error: { code: 'ERR_MODULE_INVALID', message: /odd.wasm cannot be read: / },
    },
    'it does not compile': {
      bytes: assemble({ functions: [{ ...START, body: op.drop }] }),
      error: { code: 'ERR_MODULE_INVALID', message: /does not compile: .*function #0/ },
    },
    'it is a library': {
      bytes: assemble({ functions: [] }),
      error: { code: 'ERR_MODULE_INVALID', message: 'odd: the module has no _start', hint: /library/ },
    },
    'it imports what nobody has': {
      bytes: assemble({
        imports: [
          { module: 'wasi_snapshot_preview1', name: 'fd_write', signature: { params: 'iiii', results: 'i' } },
          { module: 'wasi_snapshot_preview1', name: 'sock_teleport', signature: { params: '', results: '' } },
          { module: 'env', name: 'emscripten_resize', signature: { params: 'i', results: 'i' } },
        ],
        functions: [START],
      }),
      error: {
        code: 'ERR_MODULE_IMPORTS',
        message: /: wasi_snapshot_preview1.sock_teleport \(WASI preview 1\); env.emscripten_resize \(Emscripten\)$/,
        hint: /look which library.*; link it with -sSTANDALONE_WASM/,
      },
    },
    'it needs more memory than it may have': {
      bytes: assemble({ functions: [START], memoryPages: 100 }),
      more: { memoryBytes: 1024 * 1024 },
      error: { code: 'ERR_MODULE_INVALID', message: /6 MiB of memory from the start, and its limit is 1 MiB/ },
    },
    'its table would end this process': {
      bytes: Uint8Array.from([...HEADER, 4, 7, 1, 0x70, 0, 0x80, 0xad, 0xe2, 0x04]),
      error: { code: 'ERR_MODULE_INVALID', message: /tables have 10000000 entries/ },
    },
    'it comes from a registry': {
      more: { module: { from: 'oci', reference: 'example.com/x:1' } },
      error: { code: 'ERR_COMPOSE_UNSUPPORTED', message: /example.com\/x:1 is not a file/ },
    },
    'its healthcheck is a command': {
      more: { healthcheck: { probe: { type: 'exec', argv: ['curl'] } } },
      error: { code: 'ERR_COMPOSE_UNSUPPORTED', hint: /x-wasm.healthcheck/ },
    },
  };
  for (const [name, { bytes, more, error }] of Object.entries(rows)) {
    test(name, async ({ expect }) => {
      await using bench = new WasmBench();
      const file = path.join(bench.directory(), 'odd.wasm');
      if (bytes !== undefined) writeFileSync(file, bytes);
      const service = wasmService('odd', { path: file }, [], more);
      const prepared = bench.runtime.prepare(service, () => undefined, bench.signal);
      await expect(prepared).rejects.toMatchObject(withMatchers(expect, error));
    });
  }

  test('a function in a form that nobody knows can be imported, as long as it is not called', async ({ expect }) => {
    await using bench = new WasmBench();
    const file = path.join(bench.directory(), 'odd.wasm');
    const imports = [
      { module: 'wasi_snapshot_preview1', name: 'sock_recv_from', signature: { params: 'iiiiii', results: 'i' } },
    ];
    writeFileSync(file, assemble({ imports, functions: [START] }));
    const { id } = await bench.up(wasmService('odd', { path: file }, []));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
  });

  test('a rebuilt module is another module', async ({ expect }) => {
    await using bench = new WasmBench();
    const file = path.join(bench.directory(), 'odd.wasm');
    const exitWith = (code: number): Uint8Array =>
      assemble({
        imports: [{ module: 'wasi_snapshot_preview1', name: 'proc_exit', signature: { params: 'i', results: '' } }],
        functions: [{ ...START, body: [...op.i32(code), ...op.call(0)] }],
      });
    for (const code of [3, 4]) {
      writeFileSync(file, exitWith(code));
      const { id } = await bench.up(wasmService(`odd${code}`, { path: file }, []));
      expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code });
    }
  });
});

describe('engine wasmer', () => {
  const imports = [{ module: 'wasi_snapshot_preview1', name: 'proc_exit', signature: { params: 'i', results: '' } }];
  const program = assemble({ imports, functions: [{ ...START, body: [...op.i32(6), ...op.call(0)] }] });
  const endless = assemble({ imports, functions: [{ ...START, body: [...op.loop, ...op.branch(0), ...op.end] }] });

  for (const [name, bytes, exit] of [
    ['runs a command to its end', program, { how: 'code', code: 6 }],
    ['runs one that imports nothing', assemble({ functions: [START] }), { how: 'code', code: 0 }],
    ['is stopped with its thread', endless, { how: 'killed' }],
  ] as const) {
    test(name, async ({ expect }) => {
      await using bench = new WasmBench();
      const file = path.join(bench.directory(), 'command.wasm');
      writeFileSync(file, bytes);
      const { id } = await bench.up(wasmService('command', { path: file }, [], { engine: 'wasmer' }));
      if (exit.how === 'killed') await bench.runtime.stop(id, 600_000, bench.signal);
      expect((await bench.until(id, 'exited')).exit).toEqual(exit);
    });
  }

  test('refuses what it cannot do before it runs', async ({ expect }) => {
    await using bench = new WasmBench();
    const service = wasmService('sleeper', 'tool', ['sleep', '1'], { engine: 'wasmer' });
    const prepared = bench.runtime.prepare(service, () => undefined, bench.signal);
    await expect(prepared).rejects.toMatchObject({ code: 'ERR_MODULE_IMPORTS' });
  });
});

describe('how a guest ends', () => {
  test('a trap is told with its functions, and logged', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('bad', 'tool', ['trap']));
    const { exit } = await bench.until(id, 'exited');
    expect(exit).toMatchObject({ how: 'trap', message: 'unreachable' });
    const system = logs.text('system');
    expect(system[0]).toBe('trap: unreachable');
    expect(system.slice(1).map((line) => line.replace(/ at 0x.*/, ''))).toEqual([
      '    in fall',
      '    in fall',
      '    in fall',
      '    in main',
      '    in __main_void',
      '    in _start',
    ]);
  });

  test('endless recursion is a trap', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('deep', 'tool', ['recurse']));
    expect((await bench.until(id, 'exited')).exit).toMatchObject({ how: 'trap' });
  });

  test('memory ends at its limit', async ({ expect }) => {
    await using bench = new WasmBench();
    const service = wasmService('hungry', 'tool', ['grow', '100'], { memoryBytes: 16 * 1024 * 1024 });
    const { id, logs } = await bench.up(service);
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 3 });
    expect(logs.text()[0]).toMatch(/^out of memory after 1\d MiB$/);
  });

  test('one that ends does not disturb another', async ({ expect }) => {
    await using bench = new WasmBench();
    const web = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    const bad = await bench.up(wasmService('bad', 'tool', ['trap']));
    await bench.until(bad.id, 'exited');
    expect((await fetch(await bench.url(web.id))).status).toBe(200);
  });
});

describe('what a guest knows', () => {
  test('the name of its program, and of its machine', async ({ expect }) => {
    await using bench = new WasmBench();
    const program = await bench.up(wasmService('p', 'tool', ['program']));
    await bench.until(program.id, 'exited');
    expect(program.logs.text()[0]).toMatch(/^tool-[0-9a-f]+\.wasm$/);
    const hosts = await bench.up(wasmService('h', 'tool', ['read', '/etc/hosts']));
    await bench.until(hosts.id, 'exited');
    expect(hosts.logs.text()).toEqual(['127.0.0.1\tlocalhost', '10.90.0.3\thost-3']);
  });

  test('its directory and name server, unless the file says otherwise', async ({ expect }) => {
    await using bench = new WasmBench();
    const names = ['HOSTNAME', 'PWD', 'DNS_SERVER', 'LISTEN_FDS', 'PATH', 'HOME'];
    const more = { workingDir: '/app', environment: { HOSTNAME: 'mine' } };
    const { id, logs } = await bench.up(wasmService('e', 'tool', ['env', ...names], more));
    await bench.until(id, 'exited');
    expect(logs.text()).toEqual(['HOSTNAME=mine', 'PWD=/app']);
  });

  test('it can write where nothing is mounted', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('w', 'tool', ['append', '/tmp-file', 'x']));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
  });
});

describe('output', () => {
  test('arrives while the guest computes and never yields', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('s', 'tool', ['spin']));
    expect((await logs.until('spinning')).stream).toBe('stdout');
    await bench.runtime.stop(id, 0, bench.signal);
  });

  test('a flood takes no memory, and its end can be waited for', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('f', 'tool', ['flood']));
    await logs.until('a line of a flood');
    const before = process.memoryUsage().arrayBuffers;
    // The reader stands still: everything the guest prints meanwhile has to fit into the ring.
    const until = performance.now() + 300;
    while (performance.now() < until);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    expect(await bench.runtime.stop(id, 10_000, bench.signal)).toEqual({ how: 'killed' });
  });

  test('a line without its end is there when the guest has ended', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('l', 'tool', ['partial']));
    await bench.until(id, 'exited');
    logs.flush();
    expect(logs.text()).toEqual(['no newline']);
  });
});

describe('stopping', () => {
  test('a server that nobody waits for ends long before its grace', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    await logs.until('listening');
    // An open connection that is not used keeps nobody waiting.
    await (await fetch(await bench.url(id))).text();
    const stopped = await bench.runtime.stop(id, 600_000, bench.signal);
    expect(stopped).toEqual({ how: 'killed' });
    expect(bench.fabric.calls.slice(-2)).toEqual(['remove web#1 8080', 'detach web#1']);
  });

  test('one that computes is ended long before its grace', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('s', 'tool', ['spin']));
    await logs.until('spinning');
    expect(await bench.runtime.stop(id, 600_000, bench.signal)).toEqual({ how: 'killed' });
  });

  test('while it starts ends it', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.create(wasmService('s', 'tool', ['wait']));
    const started = bench.runtime.start(id, bench.signal);
    const stopped = bench.runtime.stop(id, 1_000, bench.signal);
    await expect(started).rejects.toThrow('s was stopped before it ran');
    expect(await stopped).toEqual({ how: 'killed' });
    expect((await bench.observe(id))?.state.at).toBe('exited');
  });

  test('disposing of the runtime ends all', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('s', 'tool', ['spin']));
    await bench.runtime[Symbol.asyncDispose]();
    expect(await bench.observe(id)).toBeUndefined();
  });
});

/** Regular expressions of a table, as matchers. */
function withMatchers(
  expect: { stringMatching: (pattern: RegExp) => unknown },
  table: object,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key, value instanceof RegExp ? expect.stringMatching(value) : value]),
  );
}
