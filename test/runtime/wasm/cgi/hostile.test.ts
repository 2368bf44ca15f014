import { once } from 'node:events';
import { connect } from 'node:net';

import { describe, test } from 'vitest';

import { WasmBench } from '../wasm-bench.ts';
import { cgiService, exchange, request, upCgi } from './cgi-bench.ts';

describe('a guest that', () => {
  test('computes in every thread keeps nobody out', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ timeoutMs: 6_000 }));
    const bad = Array.from({ length: 2 }, async () => (await fetch(`${up.url}/spin`)).status);
    const good = Array.from({ length: 8 }, async (_, i) => await (await fetch(`${up.url}/${i}`)).text());
    expect(await Promise.all(good)).toEqual(Array.from({ length: 8 }, (_, i) => `Hello from CGI: /${i}\n`));
    expect(await Promise.all(bad)).toEqual([504, 504]);
    expect(await (await fetch(`${up.url}/after`)).text()).toBe('Hello from CGI: /after\n');
  });

  test.for([
    ['waits for ever', '/sleep', 504],
    ['writes a header without end', '/headers', 502],
    ['writes nothing', '/exit?0', 502],
    ['writes what would be a second field', '/inject', 502],
  ] as const)('%s gets its client an error, and others their answers', async ([, path, status], { expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ timeoutMs: 1_000 }));
    const bad = fetch(`${up.url}${path}`);
    expect(await (await fetch(`${up.url}/good`)).text()).toBe('Hello from CGI: /good\n');
    expect((await bad).status).toBe(status);
  });

  test('computes after it has begun to answer has its connection cut', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ timeoutMs: 300 }));
    expect(await exchange(up.port, request('GET /begin-and-spin'))).not.toMatch(/\r\n0\r\n/);
    await up.logs.until('no answer in time');
  });

  test('writes a gibibyte is held to what its client takes, and ends with it', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ concurrency: 1 }));
    const socket = connect({ port: up.port, host: '127.0.0.1' });
    socket.write(request('GET /flood?1024'));
    await once(socket, 'readable');
    socket.destroy();
    // The only place is free again.
    expect(await (await fetch(`${up.url}/after`)).text()).toBe('Hello from CGI: /after\n');
  });

  test('waits is ended when its client goes', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ concurrency: 1 }));
    const socket = connect({ port: up.port, host: '127.0.0.1' });
    socket.end(request('GET /sleep'));
    const waiting = fetch(`${up.url}/after`);
    socket.destroy();
    expect(await (await waiting).text()).toBe('Hello from CGI: /after\n');
  });
});

describe('many requests', () => {
  test('at once are all answered', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService());
    const texts = await Promise.all(
      Array.from(
        { length: 64 },
        async (_, i) => await (await fetch(`${up.url}/nap?5`, { body: `${i}`, method: 'POST' })).text(),
      ),
    );
    expect(new Set(texts)).toEqual(new Set(['awake\n']));
  });

  test('wait for their turn, and beyond that are told to come again', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ concurrency: 1, queue: 1, timeoutMs: 1_000 }));
    const answers = await Promise.all(Array.from({ length: 4 }, async () => await fetch(`${up.url}/sleep`)));
    expect(answers.map((answer) => answer.status)).toContain(504);
    const later = answers.filter((answer) => answer.status === 503);
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(later[0]?.headers.get('Retry-After')).toBe('1');
  });

  test('a body that is too long', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService({ bodyLimitBytes: 10 }));
    const post = async (body: string): Promise<number> =>
      (await fetch(`${up.url}/echo`, { method: 'POST', body })).status;
    expect([await post('0123456789'), await post('0123456789a')]).toEqual([200, 413]);
    const chunked = request('POST /echo', ['Transfer-Encoding: chunked'], 'b\r\n0123456789a\r\n0\r\n\r\n');
    expect(await exchange(up.port, chunked)).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe('the service', () => {
  test('finishes what was begun when it is stopped', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService());
    const answer = fetch(`${up.url}/nap?300`);
    while ((await fetch(`${up.url}/x`)).status !== 200);
    expect(await bench.runtime.stop(up.id, 60_000, bench.signal)).toEqual({ how: 'code', code: 0 });
    expect(await (await answer).text()).toBe('awake\n');
  });

  test('is ended with what it does at the end of its grace', async ({ expect }) => {
    await using bench = new WasmBench();
    const up = await upCgi(bench, cgiService());
    const answer = fetch(`${up.url}/spin`).catch(() => 'cut');
    await fetch(`${up.url}/x`);
    expect(await bench.runtime.stop(up.id, 200, bench.signal)).toEqual({ how: 'killed' });
    expect(await answer).toBe('cut');
  });

  test('is at port 80 for others when it names none', async ({ expect }) => {
    await using bench = new WasmBench();
    await bench.up(cgiService({}, { ports: [] }));
    await bench.untilFabric('add web#1 80');
    expect(bench.fabric.calls).toContain('attach web#1');
  });

  test('has a healthcheck as any other', async ({ expect }) => {
    await using bench = new WasmBench();
    const probe = { type: 'http', port: 8080, path: '/' } as const;
    const up = await upCgi(bench, cgiService({}, { healthcheck: { probe, intervalMs: 100 } }));
    expect((await bench.until(up.id, 'health')).health).toBe('healthy');
  });
});
