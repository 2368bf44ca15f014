import { createServer } from 'node:net';
import { connect, type Socket } from 'node:net';

import { describe, test } from 'vitest';

import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

/** Sends a text to a published port and returns what comes back until the end. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(text);
  return await textOf(socket);
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

describe('a server in a guest', () => {
  test('answers on its published port, which is told', async ({ expect }) => {
    await using bench = await open();
    const { id } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    const response = await fetch(await bench.url(id));
    expect(await response.text()).toBe('Hello, World!');
    await bench.until(id, 'ports', (event) => event.ports[0]?.target === 8080 && event.ports[0].published > 0);
    expect((await bench.observe(id))?.addresses).toEqual({ default: '10.90.0.2' });
  });

  test('answers many at once', async ({ expect }) => {
    await using bench = await open();
    const { id } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    const url = await bench.url(id);
    const texts = await Promise.all(Array.from({ length: 100 }, async () => await (await fetch(url)).text()));
    expect(new Set(texts)).toEqual(new Set(['Hello, World!']));
  });

  test('listens on two ports', async ({ expect }) => {
    await using bench = await open();
    const ports = [tcpPort(8080), tcpPort(9090)];
    const service = wasmService('web', 'http-poll', ['8080'], { ports, environment: { SECOND_PORT: '9090' } });
    const { id } = await bench.up(service);
    for (const port of (await bench.observe(id))?.ports ?? []) {
      expect(await (await fetch(`http://127.0.0.1:${port.published}/`)).text()).toBe('Hello, World!');
    }
    await bench.untilFabric('add web#1 9090');
    expect(bench.fabric.calls).toContain('add web#1 8080');
  });

  test('is given an open listener when it only accepts', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('echo', 'echo-accept', [], { ports: [tcpPort(7)] }));
    await logs.until('accepting on descriptor 4 of 1');
    expect(await exchange(portOf(await bench.url(id)), 'hello')).toBe('hello');
  });

  test('is given it under the number it wants', async ({ expect }) => {
    await using bench = await open();
    const service = wasmService('echo', 'echo-accept', ['10'], { ports: [tcpPort(7)], listenFd: 10 });
    const { id } = await bench.up(service);
    expect(await exchange(portOf(await bench.url(id)), 'hello')).toBe('hello');
  });

  test('speaks the first form of the socket functions', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('echo', 'echo-v1', ['7'], { ports: [tcpPort(7)] }));
    expect(await exchange(portOf(await bench.url(id)), 'hello')).toBe('hello');
    expect((await logs.until('peer')).text).toBe('peer 127.0.0.1 type 4');
  });

  test('is reached by another guest, by its name', async ({ expect }) => {
    await using bench = await open();
    const { logs: server } = await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await server.until('listening');
    await bench.untilFabric('add echo#1 7');
    const client = await bench.up(wasmService('client', 'client', ['echo', '7', 'one', 'two']));
    expect((await bench.until(client.id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(client.logs.text()).toEqual(['echo is 10.90.0.2', 'one', 'two']);
    expect(server.text()).toContain('peer 10.90.0.3 type 4');
  });

  test('is reached by a guest that does not wait for its connection', async ({ expect }) => {
    await using bench = await open();
    const { logs: server } = await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await server.until('listening');
    const environment = { NONBLOCK: '1' };
    const client = await bench.up(wasmService('client', 'client', ['echo', '7', 'one'], { environment }));
    expect((await bench.until(client.id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(client.logs.text()).toEqual(['echo is 10.90.0.2', 'connect: errno 26', 'one']);
  });

  test('that binds localhost is private, and the log says what that means', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('web', 'http-poll', ['80', '127.0.0.1'], { ports: [tcpPort(80)] }));
    const line = await logs.until('only it can connect');
    expect(line.stream).toBe('system');
    await bench.until(id, 'ports');
    expect(bench.fabric.calls).toEqual(['attach web#1']);
  });
});

describe('a server that is stopped', () => {
  test('still answers the request that it has begun to read', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    await logs.until('listening');
    const socket = connect({ port: portOf(await bench.url(id)), host: '127.0.0.1' });
    await new Promise((resolve) => socket.write('GET / HTTP/1.1\r\n', resolve));
    // An answer to a later client: what came before has been read by then.
    await (await fetch(await bench.url(id))).text();
    const stopped = bench.runtime.stop(id, 600_000, bench.signal);
    await bench.untilFabric('remove web#1 8080');
    expect((await bench.observe(id))?.state.at).toBe('stopping');
    socket.write('\r\n');
    expect(await textOf(socket)).toContain('Hello, World!');
    expect(await stopped).toEqual({ how: 'killed' });
  });

  test('waits for a client no longer than its grace', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    await logs.until('listening');
    const socket = connect({ port: portOf(await bench.url(id)), host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write('GET / HT', resolve));
    await (await fetch(await bench.url(id))).text();
    expect(await bench.runtime.stop(id, 200, bench.signal)).toEqual({ how: 'killed' });
  });
});

describe('a connection that is refused', () => {
  test('fails with its errno, and the log has the reason', async ({ expect }) => {
    await using bench = await open();
    bench.fabric.names.set('outside', ['192.0.2.1']);
    const { id, logs } = await bench.up(wasmService('client', 'client', ['outside', '80']));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 23 });
    expect(logs.text('system')).toEqual(['client#1 may not connect to 192.0.2.1:80']);
  });
});

describe('published ports', () => {
  test('one that is taken fails the start, and says where it is asked for', async ({ expect }) => {
    await using bench = await open();
    await using taken = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    taken.listen(0, '127.0.0.1', resolve);
    await promise;
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const started = bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080, port)] }));
    await expect(started).rejects.toMatchObject({
      code: 'ERR_PORT_IN_USE',
      message: `web: cannot publish port 8080 on 127.0.0.1:${port}: the port is already in use`,
      source: { path: 'services.web.ports[0]' },
    });
    expect((await bench.runtime.observe(bench.project, bench.signal))[0]).toMatchObject({
      state: { at: 'created' },
      ports: [],
    });
    await bench.untilFabric('detach web#1');
  });

  test('are free again when the instance is stopped', async ({ expect }) => {
    await using bench = await open();
    const { id, logs } = await bench.up(wasmService('web', 'http-poll', ['8080'], { ports: [tcpPort(8080)] }));
    await logs.until('listening');
    const port = portOf(await bench.url(id));
    await bench.runtime.stop(id, 1_000, bench.signal);
    await expect(exchange(port, '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await bench.observe(id))?.ports).toEqual([]);
  });

  test('a client that comes before the guest listens is answered', async ({ expect }) => {
    await using bench = await open();
    const service = wasmService('late', 'tool', ['sleep', '300'], { ports: [tcpPort(8080)] });
    const { id } = await bench.up(service);
    const socket = connect({ port: portOf(await bench.url(id)), host: '127.0.0.1' });
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.on('connect', () => resolve('connected'));
    socket.on('error', (error) => resolve(error.message));
    expect(await promise).toBe('connected');
    const ended = Promise.withResolvers<string>();
    socket.on('error', (error) => ended.resolve((error as NodeJS.ErrnoException).code ?? ''));
    socket.on('close', () => ended.resolve('closed'));
    expect(await ended.promise).toBe('ECONNRESET');
  });

  test('stay the same over a restart by the policy', async ({ expect }) => {
    await using bench = await open();
    const dir = bench.directory();
    const origin = { file: '', line: 0, column: 0, path: '' };
    const spec = { type: 'bind', source: dir, target: '/d', readOnly: false, createHostPath: false } as const;
    const mount = { spec: { ...spec, noCopy: false, origin }, hostPath: dir };
    const more = { ports: [tcpPort(8080)], restart: { when: 'on-failure' } } as const;
    const { id } = await bench.create(wasmService('crash', 'tool', ['fail-first', '2', '/d/n'], more), [mount]);
    const seen: number[] = [];
    const watch = (async () => {
      for await (const event of bench.runtime.events(bench.project, bench.signal)) {
        if (event.type === 'started') seen.push((await bench.observe(id))?.ports[0]?.published ?? 0);
        if (event.type === 'exited' && event.restartAt === undefined) return;
      }
    })();
    await bench.runtime.start(id, bench.signal);
    await watch;
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
  });
});

async function open(): Promise<WasmBench> {
  return new WasmBench();
}
