import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';

import { describe, test } from 'vitest';

import type { WasmService } from '../../../src/model/project.ts';
import { builtDriver } from '../../fake/built-driver.ts';
import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

function alone(
  name: string,
  guest: Parameters<typeof wasmService>[1],
  args: readonly string[],
  more: Partial<WasmService> = {},
): WasmService {
  return wasmService(name, guest, args, { isolation: 'process', ...more });
}

/** The processes that this one has started and that run a guest. */
function guestProcesses(): readonly number[] {
  return childrenOf(process.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guest-process'),
  );
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

describe('a guest in a process of its own', () => {
  test('serves; the death of its process is its end, and the policy starts it again', async ({ expect }) => {
    await using bench = new WasmBench(await builtDriver());
    const restart = { when: 'on-failure' } as const;
    const service = alone('web', 'http-poll', ['8080'], {
      ports: [tcpPort(8080)],
      restart,
      environment: { KEY: 'secret' },
    });
    const { id } = await bench.up(service);
    const [pid = 0] = guestProcesses();
    expect(await (await fetch(await bench.url(id))).text()).toBe('Hello, World!');
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('secret');
    // As when its engine crashes.
    process.kill(pid, 'SIGSEGV');
    const ended = await bench.until(id, 'exited');
    expect(ended).toMatchObject({ exit: { how: 'lost', reason: 'its process ended (SIGSEGV)' } });
    await bench.untilEvents(id, 'started', 2);
    expect(await (await fetch(await bench.url(id))).text()).toBe('Hello, World!');
    expect(guestProcesses()).not.toContain(pid);
  });

  test('has its files whole, also what Node refuses to a process with permissions', async ({ expect }) => {
    await using bench = new WasmBench(await builtDriver());
    const dir = bench.directory();
    const { id, logs } = await bench.up(alone('files', 'limits', ['files', '/data']), [bench.bind(dir, '/data')]);
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(logs.text()).toEqual(['wrote 1 synced 1 timed 1 linked 1 found 1']);
    expect(readFileSync(`${dir}/kept`, 'utf8')).toBe('kept');
    expect(lstatSync(`${dir}/kept`).mtimeMs).toBe(2_000);
    expect(readlinkSync(`${dir}/link`)).toBe('kept');
  });

  test('a module that the engine does not take is told where it was to start', async ({ expect }) => {
    await using bench = new WasmBench(await builtDriver());
    const { id } = await bench.create(alone('bad', { path: bench.module(INVALID) }, []));
    await expect(bench.runtime.start(id, bench.signal)).rejects.toMatchObject({ code: 'ERR_MODULE_INVALID' });
  });

  test.skipIf(!existsSync('/sys/fs/cgroup') || process.getuid?.() !== 0)(
    'is in a control group with the limits of its service, which is gone with it',
    async ({ expect }) => {
      await using bench = new WasmBench(await builtDriver());
      const { id, logs } = await bench.up(alone('slow', 'tool', ['spin'], { limits: { cpus: 0.25, threads: 4 } }));
      const [pid = 0] = guestProcesses();
      const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
      const name = new RegExp(`wcompose-${process.pid}-\\d+`).exec(groups)?.[0];
      // A machine that gives us no group says so, in the service's log.
      if (name === undefined) expect(logs.text('system').join('\n')).toContain('is not held');
      await bench.runtime.stop(id, 0, bench.signal);
      expect(guestProcesses()).toEqual([]);
    },
  );
});

/** `_start` leaves a value that its type does not have. */
const INVALID = Buffer.from('0061736d0100000001040160000003020100070a01065f737461727400000a0601040041000b', 'hex');
