import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { beforeAll, describe, test } from 'vitest';

import { tcpPort, wasmService } from '../../../fake/wasm-service.ts';
import { buildComponent } from '../../../guests/components/build.ts';
import { type Started, WasmBench } from '../wasm-bench.ts';

let http = '';

beforeAll(async () => {
  http = await buildComponent('http');
});

async function open(bench: WasmBench, name = 'web'): Promise<Started & { readonly url: string }> {
  const service = wasmService(name, { path: http }, [], { ports: [tcpPort(8080)] });
  const started = await bench.up(service);
  return { ...started, url: await bench.url(started.id) };
}

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a component that answers wasi:http', () => {
  test('answers, with the length of what it wrote', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('6');
    expect(await response.text()).toBe('hello\n');
  });

  test('answers on the port of other hosts when the file names none', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench, 'front');
    await bench.up(wasmService('back', { path: http }, []));
    expect(await (await fetch(`${url}fetch/back:8080/`)).text()).toBe('hello\n');
    expect(await (await fetch(`${url}fetch/back/`)).text()).toBe('hello\n');
  });

  test('answers each request with memory of its own, also after a trap', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url, logs } = await open(bench);
    const count = async (): Promise<string> => await (await fetch(`${url}count`)).text();
    expect([await count(), await count()]).toEqual(['1\n', '1\n']);
    const failed = await fetch(`${url}trap`);
    expect([failed.status, await failed.text()]).toEqual([500, 'Internal Server Error\n']);
    await logs.until('trap: unreachable');
    await logs.until('handle at 0x');
    expect(await count()).toBe('1\n');
  });

  test('instances that are kept answer again, with what they have in memory, but not after a trap', async ({
    expect,
  }) => {
    await using bench = new WasmBench();
    const kept = { ports: [tcpPort(8080)], http: { instances: 'kept' } } as const;
    const { id } = await bench.up(wasmService('web', { path: http }, [], kept));
    const url = await bench.url(id);
    const count = async (): Promise<string> => await (await fetch(`${url}count`)).text();
    expect([await count(), await count()]).toEqual(['1\n', '2\n']);
    expect((await fetch(`${url}trap`)).status).toBe(500);
    expect([await count(), await count()]).toEqual(['1\n', '2\n']);
  });

  const failures = {
    exit: [500, 'the program ended itself with 1 while it answered a request'],
    error: [502, 'GET /error: the program answered with connection-refused'],
    nothing: [500, 'GET /nothing: the program gave no answer'],
  } as const;
  for (const [path, [status, line]] of Object.entries(failures)) {
    test(`a request that fails by ${path} is told in the answer and in the log`, async ({ expect }) => {
      await using bench = new WasmBench();
      const { url, logs } = await open(bench);
      expect((await fetch(`${url}${path}`)).status).toBe(status);
      await logs.until(line);
      expect((await fetch(url)).status).toBe(200);
    });
  }

  test('sees headers and sets them, but not those of the connection', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const response = await fetch(`${url}headers`, {
      headers: [
        ['x-in', 'one'],
        ['X-IN', 'two'],
      ],
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-out')).toBe('one, two');
    expect(response.headers.get('x-forbidden')).toBe('yes');
    expect(response.headers.get('x-invalid')).toBe('yes');
    expect(response.headers.get('content-length')).toBe('0');
  });

  test('a large body goes through and comes back whole', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const body = pattern(20 * 1024 * 1024);
    const response = await fetch(`${url}echo`, { method: 'POST', body: new Uint8Array(body) });
    expect(digest(new Uint8Array(await response.arrayBuffer()))).toBe(digest(body));
  });

  test('a body streams both ways: each piece is answered before the next is sent', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const client = request(`${url}echo`, { method: 'POST' }, resolve);
    client.once('error', reject);
    client.write('one');
    const response = await promise;
    const chunks = response[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('one');
    client.write('two');
    expect(String((await chunks.next()).value)).toBe('two');
    client.end();
    expect((await chunks.next()).done).toBe(true);
  });

  test('two requests that wait for their clients are answered at once', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const hold = async (): Promise<() => Promise<string>> => {
      const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
      const client = request(`${url}echo`, { method: 'POST' }, resolve);
      client.write('x');
      const response = await promise;
      return async () => {
        client.end('y');
        return await text(response);
      };
    };
    const held = [await hold(), await hold(), await hold()];
    expect(await (await fetch(url)).text()).toBe('hello\n');
    expect(await Promise.all(held.map(async (finish) => await finish()))).toEqual(['xy', 'xy', 'xy']);
  });

  test('trailers go through', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const client = request(`${url}echo`, { method: 'POST', headers: { trailer: 'x-sum' } }, resolve);
    client.write('body');
    client.addTrailers([['x-sum', '42']]);
    client.end();
    const response = await promise;
    expect(await text(response)).toBe('body');
    expect(response.trailers).toEqual({ 'x-sum': '42' });
  });

  test('waits while the client does not read', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    request(`${url}flood`, resolve).end();
    const response = await promise;
    // A program that did not wait would be through with all of it, and idle, by the time others are answered.
    for (let i = 0; i < 3; i++) expect(await (await fetch(url)).text()).toBe('hello\n');
    let length = 0;
    for await (const chunk of Readable.from(response)) length += (chunk as Buffer).length;
    expect(length).toBe(128 * 65_536);
  });

  test('a client that goes away in the middle of its body is no fault of the program', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url, logs } = await open(bench);
    const client = request(`${url}echo`, { method: 'POST', headers: { 'content-length': '100' } });
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    client.on('response', resolve);
    client.on('error', () => undefined);
    client.write('some');
    await promise;
    client.destroy();
    await logs.until('the body broke off');
    expect((await fetch(url)).status).toBe(200);
  });

  test('an answer that is shorter than it promised breaks off', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url, logs } = await open(bench);
    await expect(fetch(`${url}promise`).then(async (response) => await response.text())).rejects.toThrow();
    await logs.until('too short');
  });

  test('a client that asks first is told to go on when the program wants the body', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url } = await open(bench);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const client = request(`${url}echo`, { method: 'POST', headers: { expect: '100-continue' } }, resolve);
    client.flushHeaders();
    client.once('continue', () => client.end('after'));
    expect(await text(await promise)).toBe('after');
  });
});

describe('a request that a component makes', () => {
  test('goes to a service by its name, or outside where the network lets it', async ({ expect }) => {
    await using bench = new WasmBench();
    await using outside = createServer((incoming, response) => {
      response.writeHead(203, { 'x-host': incoming.headers.host ?? '' });
      response.end(`outside ${incoming.url ?? ''}`);
    });
    await new Promise<void>((resolve) => void outside.listen(0, '127.0.0.1', resolve));
    const { port } = outside.address() as AddressInfo;
    bench.fabric.names.set('example.test', ['192.0.2.1']);
    bench.fabric.verdicts.set('192.0.2.1:80', { to: 'tcp', host: '127.0.0.1', port });
    const { url } = await open(bench);
    const response = await fetch(`${url}fetch/example.test/a?b`);
    expect([response.status, await response.text()]).toEqual([203, 'outside /a?b']);
  });

  const refusals = {
    'a name that nobody has': ['nobody', '1'],
    'a port on which nobody listens': ['web:81', '6'],
    'an address that the network does not allow': ['192.0.2.9', '4'],
  } as const;
  for (const [name, [authority, code]] of Object.entries(refusals)) {
    test(`is refused: ${name}`, async ({ expect }) => {
      await using bench = new WasmBench();
      const reason = 'web may not connect to 192.0.2.9:80';
      bench.fabric.verdicts.set('192.0.2.9:80', { to: 'refused', errno: 'EACCES', reason });
      const { url, logs } = await open(bench);
      const response = await fetch(`${url}fetch/${authority}/`);
      // The number of the error-code, as one digit.
      expect([response.status, await response.text()]).toEqual([502, code]);
      if (code === '4') await logs.until(reason);
    });
  }
});

describe('the life of a component', () => {
  test('stop lets the request that is being answered end, and takes no more', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url, id } = await open(bench);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const client = request(`${url}echo`, { method: 'POST' }, resolve);
    client.write('a');
    const response = await promise;
    const stopped = bench.runtime.stop(id, 10_000, bench.signal);
    await bench.untilFabric(`remove ${id} 8080`);
    client.end('b');
    expect(await text(response)).toBe('ab');
    expect(await stopped).toEqual({ how: 'killed' });
  });

  test('a request that computes for ever does not outlive the grace', async ({ expect }) => {
    await using bench = new WasmBench();
    const { url, id, logs } = await open(bench);
    await (await fetch(`${url}log`)).text();
    await logs.until('a line');
    const spinning = fetch(`${url}spin`).catch(() => 'ended');
    expect(await bench.runtime.stop(id, 300, bench.signal)).toEqual({ how: 'killed' });
    expect(await spinning).toBe('ended');
  });
});
