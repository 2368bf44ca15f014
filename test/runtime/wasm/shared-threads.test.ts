import { availableParallelism } from 'node:os';

import { describe, test } from 'vitest';

import type { WasmService } from '../../../src/model/project.ts';
import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

function shared(
  name: string,
  guest: Parameters<typeof wasmService>[1],
  args: readonly string[],
  more: Partial<WasmService> = {},
): WasmService {
  return wasmService(name, guest, args, { isolation: 'shared', ...more });
}

/** More guests than there are threads, so that some share one. */
const MANY = availableParallelism() * 3;

describe('guests that share threads', () => {
  test('all serve, and one that is stopped leaves the others alone', async ({ expect }) => {
    await using bench = new WasmBench();
    const ids = await Promise.all(
      Array.from({ length: MANY }, async (_, i) => {
        const { id } = await bench.up(shared(`web${i}`, 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
        return id;
      }),
    );
    const [first, ...others] = ids;
    if (first === undefined) throw new Error('no instance');
    expect(await (await fetch(await bench.url(first))).text()).toBe('Hello, World!');
    expect(await bench.runtime.stop(first, 600_000, bench.signal)).toEqual({ how: 'killed' });
    for (const id of others) expect(await (await fetch(await bench.url(id))).text()).toBe('Hello, World!');
  });

  test('stopping without grace leaves the others alone, too', async ({ expect }) => {
    await using bench = new WasmBench();
    const ids = await Promise.all(
      Array.from({ length: MANY }, async (_, i) => (await bench.up(shared(`w${i}`, 'tool', ['wait']))).id),
    );
    const [first, ...others] = ids;
    if (first === undefined) throw new Error('no instance');
    expect(await bench.runtime.stop(first, 0, bench.signal)).toEqual({ how: 'killed' });
    for (const id of others) expect((await bench.observe(id))?.state.at).toBe('running');
  });

  test('a trap is the end of one only', async ({ expect }) => {
    await using bench = new WasmBench();
    const waiting = await bench.up(shared('waiting', 'tool', ['wait']));
    for (let i = 0; i < MANY; i++) {
      const bad = await bench.up(shared(`bad${i}`, 'tool', ['trap']));
      expect((await bench.until(bad.id, 'exited')).exit).toMatchObject({ how: 'trap' });
    }
    expect((await bench.observe(waiting.id))?.state.at).toBe('running');
  });

  test('one that computes for ever can be ended only with its thread; the policy starts its neighbours again', async ({
    expect,
  }) => {
    await using bench = new WasmBench();
    const others = await Promise.all(
      Array.from({ length: availableParallelism() }, async (_, i) => {
        const service = shared(`w${i}`, 'tool', ['wait'], { restart: { when: 'on-failure' } });
        return (await bench.up(service)).id;
      }),
    );
    const { id, logs } = await bench.up(shared('spin', 'tool', ['spin']));
    await logs.until('spinning');
    expect(await bench.runtime.stop(id, 0, bench.signal)).toEqual({ how: 'killed' });
    const lost = await Promise.race(others.map(async (other) => await bench.until(other, 'exited')));
    expect(lost.exit).toEqual({ how: 'lost', reason: 'the thread it shared with others was ended' });
    expect(lost.restartAt).toBeDefined();
  });
});
