import { describe, type ExpectStatic, test } from 'vitest';

import type { WasmService } from '../../../src/model/project.ts';
import type { ExitStatus } from '../../../src/model/state.ts';
import { createWasmRuntime } from '../../../src/runtime/wasm/driver.ts';
import { builtDriver } from '../../fake/built-driver.ts';
import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { type Started, WasmBench } from './wasm-bench.ts';

/** What a guest tries that wants to harm the others, and what becomes of it. */
interface Hostile {
  readonly guest: 'tool' | 'limits' | 'table-bomb';
  readonly args: readonly string[];
  readonly more?: Partial<WasmService>;
  /** Undefined: it goes on until it is stopped. */
  readonly exit?: Partial<ExitStatus>;
  readonly prints?: readonly (string | RegExp)[];
}

const MFILE = 33;
const NOSPC = 51;

const HOSTILE: Readonly<Record<string, Hostile>> = {
  'sleeps for ever': { guest: 'tool', args: ['wait'] },
  'prints for ever': { guest: 'tool', args: ['flood'] },
  'recurses for ever': { guest: 'tool', args: ['recurse'], exit: { how: 'trap' } },
  'takes all memory': {
    guest: 'tool',
    args: ['grow', '4000'],
    more: { memoryBytes: 32 << 20 },
    exit: { how: 'code', code: 3 },
    prints: [/^out of memory after (2|3)\d MiB$/],
  },
  'makes its table larger for ever': { guest: 'table-bomb', args: [], exit: { how: 'code', code: 9 } },
  'opens all descriptors': {
    guest: 'limits',
    args: ['open', '/etc/hosts'],
    more: { limits: { descriptors: 64 } },
    exit: { how: 'code', code: 0 },
    // Three streams and the root are there already.
    prints: [`60 descriptors, then errno ${MFILE}`],
  },
  'opens all sockets': {
    guest: 'limits',
    args: ['sockets'],
    more: { limits: { descriptors: 100 } },
    exit: { how: 'code', code: 0 },
    prints: [`96 sockets, then errno ${MFILE}`],
  },
  'fills its files': {
    guest: 'limits',
    args: ['fill', '/data/file'],
    exit: { how: 'code', code: 0 },
    prints: [new RegExp(`^[34]\\d\\d\\d KiB, then errno ${NOSPC}$`)],
  },
  'asks for more than its memory at once': {
    guest: 'limits',
    args: ['huge'],
    more: { memoryBytes: 8 << 20 },
    exit: { how: 'code', code: 0 },
    prints: [
      'random: errno 21',
      'vectors: errno 28',
      'subscriptions: errno 28',
      /^a gibibyte at once: errno \d+, \d+ KiB$/,
    ],
  },
};

/** `table.grow` by 100,000 entries until it answers -1, then `proc_exit` with 9. */
const TABLE_BOMB = Buffer.from(
  [
    '0061736d01000000',
    '01080260017f00600000',
    '022401',
    '16776173695f736e617073686f745f7072657669657731',
    '0970726f635f65786974',
    '0000',
    '03020101',
    '040401700001',
    '0503010001',
    '071302066d656d6f72790200065f73746172740001',
    '0a19011700',
    '0340d07041a08d06fc0f00417f470d000b',
    '41091000',
    '0b',
  ].join(''),
  'hex',
);

async function startAll(bench: WasmBench, isolation: WasmService['isolation']): Promise<ReadonlyMap<string, Started>> {
  const started = await Promise.all(
    Object.entries(HOSTILE).map(async ([name, { guest, args, more }]) => {
      const module = guest === 'table-bomb' ? { path: bench.module(TABLE_BOMB) } : guest;
      const service = wasmService(name.replaceAll(' ', '-'), module, args, { isolation, ...more });
      return [name, await bench.up(service, [bench.tmpfs('/data', 4 << 20)])] as const;
    }),
  );
  return new Map(started);
}

async function holds(bench: WasmBench, started: Started, hostile: Hostile, expect: ExpectStatic): Promise<void> {
  if (hostile.exit === undefined) {
    // A minute of grace, of which a guest that owes nobody an answer gets next to nothing.
    expect(await bench.runtime.stop(started.id, 60_000, bench.signal)).toEqual({ how: 'killed' });
  } else expect((await bench.until(started.id, 'exited')).exit).toMatchObject(hostile.exit);
  const lines = started.logs.text();
  for (const [at, line] of (hostile.prints ?? []).entries()) {
    if (typeof line === 'string') expect(lines[at]).toBe(line);
    else expect(lines[at]).toMatch(line);
  }
}

describe.for(['worker', 'shared', 'process'] as const)('hostile guests, isolation %s', (isolation) => {
  test('each gets what it may have and no more; a neighbour goes on', { timeout: 120_000 }, async ({ expect }) => {
    await using bench = new WasmBench(isolation === 'process' ? await builtDriver() : createWasmRuntime);
    const web = await bench.up(wasmService('web', 'http-poll', ['8080'], { isolation, ports: [tcpPort(8080)] }));
    const url = await bench.url(web.id);
    const all = await startAll(bench, isolation);
    expect(await (await fetch(url)).text()).toBe('Hello, World!');
    for (const [name, hostile] of Object.entries(HOSTILE)) {
      const started = all.get(name);
      if (started !== undefined) await holds(bench, started, hostile, expect);
    }
    expect(await (await fetch(url)).text()).toBe('Hello, World!');
    expect(bench.events.filter((event) => 'id' in event && event.id === web.id && event.type === 'exited')).toEqual([]);
  });
});

describe('a guest that computes for ever', () => {
  test.for(['worker', 'process'] as const)('isolation %s: is stopped', async (isolation, { expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('spin', 'tool', ['spin'], { isolation }));
    await logs.until('spinning');
    expect(await bench.runtime.stop(id, 60_000, bench.signal)).toEqual({ how: 'killed' });
  });

  test('isolation shared: is moved to a thread of its own, and its neighbours run again', async ({ expect }) => {
    await using bench = new WasmBench();
    // No policy: they are started again all the same.
    const more = { isolation: 'shared', ports: [tcpPort(8080)] } as const;
    const webs = await Promise.all(
      Array.from({ length: 4 }, async (_, i) => await bench.up(wasmService(`web${i}`, 'http-poll', ['8080'], more))),
    );
    const { id, logs } = await bench.up(wasmService('spin', 'tool', ['spin'], { isolation: 'shared' }));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'killed' });
    expect((await bench.until(id, 'exited')).restartAt).toBeDefined();
    await logs.until('started again in a thread of its own');
    await bench.untilEvents(id, 'started', 2);
    const lost = bench.events.filter((event) => event.type === 'exited' && event.id !== id);
    expect(lost.length).toBeGreaterThan(0);
    for (const event of lost) if ('id' in event) await bench.untilEvents(event.id, 'started', 2);
    for (const web of webs) expect(await (await fetch(await bench.url(web.id))).text()).toBe('Hello, World!');
    expect((await bench.observe(id))?.state.at).toBe('running');
    expect(await bench.runtime.stop(id, 60_000, bench.signal)).toEqual({ how: 'killed' });
  });
});
