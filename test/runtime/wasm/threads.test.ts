import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

import { describe, test } from 'vitest';

import type { WasmService } from '../../../src/model/project.ts';
import { builtDriver } from '../../fake/built-driver.ts';
import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

function threads(what: string, more: Partial<WasmService> = {}): WasmService {
  return wasmService(what, 'threads', [what], more);
}

/** Sends a text to an echo server and resolves with what comes back until the end. */
async function echoed(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
  socket.write(text);
  let got = '';
  for await (const piece of socket as AsyncIterable<string>) {
    got += piece;
    if (got.length >= text.length) socket.end();
  }
  return got;
}

describe('four threads of a guest, while the first one is in an atomic wait', () => {
  test('write a file and count under a mutex', async ({ expect }) => {
    await using bench = new WasmBench();
    const dir = bench.directory();
    const { id, logs } = await bench.up(threads('count'), [bench.bind(dir, '/data')]);
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(logs.text()).toEqual(['counted 2000']);
    const lines = readFileSync(`${dir}/lines`, 'utf8').trimEnd().split('\n').toSorted();
    expect(lines).toEqual([0, 1, 2, 3].flatMap((n) => Array.from({ length: 10 }, () => `thread ${n}`)));
  });

  test.for(['worker', 'process'] as const)('serve their connections, isolation %s', async (isolation, { expect }) => {
    await using bench = new WasmBench(isolation === 'process' ? await builtDriver() : undefined);
    const web = await bench.up(threads('answer', { isolation, ports: [tcpPort(8080)] }));
    const url = await bench.url(web.id);
    const texts = Array.from({ length: 40 }, (_, i) => `${i}:`.padEnd(i * 2_000, 'x'));
    expect(await Promise.all(texts.map(async (text) => await echoed(url, text)))).toEqual(texts);
    const usage = await bench.runtime.usage(web.id, bench.signal);
    expect(usage?.cpu?.usedMs).toBeGreaterThan(0);
    expect(await bench.runtime.stop(web.id, 60_000, bench.signal)).toEqual({ how: 'killed' });
  });
});

describe('the end of a guest with threads', () => {
  const rows = {
    trap: { how: 'trap', message: 'unreachable' },
    leave: { how: 'code', code: 7 },
    return: { how: 'code', code: 0 },
    grow: { how: 'code', code: 0 },
    'one-by-one': { how: 'code', code: 0 },
  } as const;
  for (const [what, exit] of Object.entries(rows)) {
    test(what, async ({ expect }) => {
      await using bench = new WasmBench();
      const { id, logs } = await bench.up(threads(what), [bench.tmpfs('/data', 1 << 20)]);
      const ended = await bench.until(id, 'exited');
      expect(ended.exit, logs.text().join('\n')).toMatchObject(exit);
      if (ended.exit.how === 'trap') expect(ended.exit.backtrace[0]).toMatch(/^trap at /);
    });
  }

  test('threads that compute are stopped', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(threads('spin'));
    await logs.until('spinning');
    expect(await bench.runtime.stop(id, 60_000, bench.signal)).toEqual({ how: 'killed' });
  });

  test('no more threads than pids_limit, and the log says so', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(threads('many', { limits: { threads: 6 } }));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    // The first is one of them.
    expect(logs.text()).toEqual(['threads 5']);
    expect(logs.text('system')).toEqual(['it has 6 threads and gets no more: its pids_limit is 6']);
  });
});

describe('a module whose threads cannot be', () => {
  const rows: readonly (readonly [string, WasmService | ((bench: WasmBench) => WasmService), RegExp])[] = [
    [
      'in a thread with others',
      threads('wait', { isolation: 'shared' }),
      /isolation shared: each of its threads needs/,
    ],
    ['for each request', threads('wait', { interface: 'cgi' }), /interface cgi/],
    ['without a shared memory', (bench) => made(bench, SPAWNS_ALONE), /imports no shared memory/],
    ['without the export that they begin in', (bench) => made(bench, NO_ENTRY), /does not export wasi_thread_start/],
  ];
  for (const [name, service, message] of rows) {
    test(name, async ({ expect }) => {
      await using bench = new WasmBench();
      const asked = typeof service === 'function' ? service(bench) : service;
      await expect(bench.create(asked)).rejects.toThrow(message);
    });
  }
});

function made(bench: WasmBench, hex: string): WasmService {
  return wasmService('made', { path: bench.module(Buffer.from(hex, 'hex')) }, []);
}

/** Imports `wasi.thread-spawn`, exports `_start`. */
const SPAWNS_ALONE =
  '0061736d010000000109026000006001' +
  '7f017f0215010477617369' +
  '0c7468726561642d737061776e0001' +
  '03020100' +
  '070a01065f73746172740001' +
  '0a040102000b';
/** And a shared memory of its host, 1 to 2 pages. */
const NO_ENTRY =
  '0061736d010000000109026000006001' +
  '7f017f021d020477617369' +
  '0c7468726561642d737061776e0001' +
  '0165016d02030102' +
  '03020100' +
  '070a01065f73746172740001' +
  '0a040102000b';
