import { describe, test } from 'vitest';

import { wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

describe('standard input of a guest', () => {
  for (const isolation of ['worker', 'process'] as const) {
    test(`${isolation}: reads wait for somebody who writes, then for the next, and end with the end of file`, async ({
      expect,
    }) => {
      await using bench = new WasmBench();
      const service = wasmService('job', 'tool', ['lines'], { stdinOpen: true, isolation });
      const { id, logs } = await bench.up(service);
      await bench.runtime.openInput(id).write(Buffer.from('one\ntwo\n'), bench.signal);
      await logs.until('got two');
      await bench.runtime.openInput(id).write(Buffer.from('three'), bench.signal);
      bench.runtime.openInput(id).end();
      expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
      expect(logs.text('stdout')).toEqual(['got one', 'got two', 'got threeend of file']);
    });
  }

  test('wakes a poll, which has time-outs meanwhile', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('job', 'tool', ['poll'], { stdinOpen: true }));
    await logs.until('nothing yet');
    await bench.runtime.openInput(id).write(Buffer.from('word\n'), bench.signal);
    await logs.until('got word');
    bench.runtime.openInput(id).end();
    await bench.until(id, 'exited');
    expect(logs.text('stdout')).toContain('end of file');
  });

  test('is empty unless it was opened, and then cannot be written to', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('job', 'tool', ['lines']));
    await bench.until(id, 'exited');
    expect(logs.text('stdout')).toEqual(['end of file']);
    const { id: waits } = await bench.up(wasmService('waits', 'tool', ['wait']));
    expect(() => bench.runtime.openInput(waits)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', hint: expect.stringContaining('stdin_open') }),
    );
  });

  test('holds back who writes more than is read; every byte comes, in order', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('job', 'tool', ['total'], { stdinOpen: true }));
    const input = bench.runtime.openInput(id);
    for (let i = 0; i < 8; i++) await input.write(Buffer.alloc(400_000, 'x'), bench.signal);
    input.end();
    await bench.until(id, 'exited');
    expect(logs.text('stdout')).toEqual(['3200000 bytes']);
  });

  test('a guest that does not read makes its writer wait until it is stopped', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('job', 'tool', ['wait'], { stdinOpen: true }));
    const input = bench.runtime.openInput(id);
    let isDone = false;
    const written = input.write(Buffer.alloc(2_000_000), bench.signal).then(() => (isDone = true));
    // Room for the first pieces only: nothing that happens before the stop can end it.
    await bench.observe(id);
    expect(isDone).toBe(false);
    await bench.runtime.stop(id, 0, bench.signal);
    expect(await written).toBe(true);
  });
});
