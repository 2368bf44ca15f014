import { describe, test } from 'vitest';

import type { Healthcheck } from '../../../src/model/project.ts';
import { wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

const HTTP: Healthcheck = { probe: { type: 'http', port: 8080, path: '/' }, intervalMs: 60_000, startPeriodMs: 60_000 };

describe('the healthcheck of a guest', () => {
  test('begins with starting', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('s', 'tool', ['wait'], { healthcheck: HTTP }));
    expect((await bench.observe(id))?.state).toMatchObject({ at: 'running', health: 'starting' });
  });

  test('is healthy as soon as the guest listens, not an interval later', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('web', 'http-poll', ['8080'], { healthcheck: HTTP }));
    expect((await bench.until(id, 'health')).health).toBe('healthy');
    expect((await bench.observe(id))?.state).toMatchObject({ at: 'running', health: 'healthy' });
  });

  test('reaches a guest that listens for itself only', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id } = await bench.up(wasmService('web', 'http-poll', ['8080', '127.0.0.1'], { healthcheck: HTTP }));
    expect((await bench.until(id, 'health')).health).toBe('healthy');
  });

  test('by TCP', async ({ expect }) => {
    await using bench = new WasmBench();
    const healthcheck: Healthcheck = { ...HTTP, probe: { type: 'tcp', port: 7 } };
    const expose = [{ port: 7, protocol: 'tcp' }] as const;
    const { id } = await bench.up(wasmService('echo', 'echo-accept', [], { healthcheck, expose }));
    expect((await bench.until(id, 'health')).health).toBe('healthy');
  });

  test('that fails makes unhealthy, and the log says why', async ({ expect }) => {
    await using bench = new WasmBench();
    const healthcheck: Healthcheck = { ...HTTP, intervalMs: 10, startPeriodMs: 0, retries: 2 };
    const { id, logs } = await bench.up(wasmService('s', 'tool', ['wait'], { healthcheck }));
    expect((await bench.until(id, 'health')).health).toBe('unhealthy');
    expect(logs.text('system')).toEqual(['unhealthy: it does not listen on port 8080']);
    expect((await bench.observe(id))?.state).toMatchObject({ at: 'running', health: 'unhealthy' });
  });

  test('a guest that does not answer in time is as one that fails', async ({ expect }) => {
    await using bench = new WasmBench();
    // It echoes the request, which is no answer, and never ends it.
    const healthcheck: Healthcheck = { ...HTTP, intervalMs: 10, startPeriodMs: 0, retries: 1, timeoutMs: 50 };
    const probe = { ...healthcheck.probe, port: 7 } as Healthcheck['probe'];
    const { id, logs } = await bench.up(wasmService('s', 'echo-v1', ['7'], { healthcheck: { ...healthcheck, probe } }));
    expect((await bench.until(id, 'health')).health).toBe('unhealthy');
    expect(logs.text('system')[0]).toMatch(/^unhealthy: /);
  });
});
