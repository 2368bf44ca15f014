import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { beforeAll, describe, test } from 'vitest';

import { tcpPort, wasmService } from '../../../fake/wasm-service.ts';
import { buildComponent } from '../../../guests/components/build.ts';
import { WasmBench } from '../wasm-bench.ts';

let javascript = '';

beforeAll(async () => {
  javascript = await buildComponent('javascript');
});

/** A component that nobody here wrote: an engine for JavaScript, made with componentize-js. */
describe('a component of JavaScript', () => {
  test('answers, logs, gets bodies and asks others', async ({ expect }) => {
    await using bench = new WasmBench();
    await using outside = createServer((_request, response) => response.end('from outside'));
    await new Promise<void>((resolve) => void outside.listen(0, '127.0.0.1', resolve));
    const { port } = outside.address() as AddressInfo;
    bench.fabric.names.set('example.test', ['192.0.2.1']);
    bench.fabric.verdicts.set('192.0.2.1:80', { to: 'tcp', host: '127.0.0.1', port });
    const { id, logs } = await bench.up(wasmService('web', { path: javascript }, [], { ports: [tcpPort(8080)] }));
    const url = await bench.url(id);
    const hello = await fetch(`${url}some/path`);
    expect(await hello.text()).toBe('hello from /some/path\n');
    expect(hello.headers.get('content-type')).toBe('text/plain');
    await logs.until('asked for /some/path');
    for (let i = 0; i < 2; i++) expect(await (await fetch(`${url}count`)).text()).toBe('1\n');
    const echoed = await fetch(`${url}echo`, { method: 'PUT', body: 'a body' });
    expect([echoed.headers.get('x-method'), await echoed.text()]).toEqual(['PUT', 'a body']);
    const large = 'x'.repeat(1_000_000);
    expect((await (await fetch(`${url}stream`, { method: 'POST', body: large })).text()).length).toBe(large.length);
    expect(await (await fetch(`${url}fetch?url=http://example.test/`)).text()).toBe('200 from outside');
    expect((await fetch(`${url}throw`)).status).toBe(500);
    const many = await Promise.all(Array.from({ length: 40 }, async () => await (await fetch(`${url}x`)).text()));
    expect(new Set(many)).toEqual(new Set(['hello from /x\n']));
  });

  test('cannot answer twice with one instance: that is told, and undone', async ({ expect }) => {
    await using bench = new WasmBench();
    const kept = { ports: [tcpPort(8080)], http: { instances: 'kept' } } as const;
    const { id, logs } = await bench.up(wasmService('web', { path: javascript }, [], kept));
    const url = await bench.url(id);
    const status = async (): Promise<number> => (await fetch(url)).status;
    expect([await status(), await status()]).toEqual([200, 500]);
    await logs.until('leave `instances: kept` out');
    expect([await status(), await status()]).toEqual([200, 200]);
  });
});
