import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

import { Engine, isLost } from '../../../src/runtime/container/engine.ts';
import { EngineError } from '../../../src/runtime/container/errors.ts';
import { createFabricEngine } from '../../../src/runtime/container/fabric-engine.ts';
import { EngineProxy } from '../../fake/engine-proxy.ts';
import { eventually, Sandbox } from './sandbox.ts';

const signal = AbortSignal.timeout(60_000);

/** An HTTP server at a socket of its own, in place of an Engine. */
async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly env: NodeJS.ProcessEnv }> {
  const dir = mkdtempSync(join(tmpdir(), 'wc-http-'));
  const socket = join(dir, 'docker.sock');
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function throughProxy(): Promise<AsyncDisposable & { readonly proxy: EngineProxy; readonly engine: Engine }> {
  const proxy = await EngineProxy.open();
  const engine = await Engine.open({ DOCKER_HOST: `unix://${proxy.socketPath}` }, signal);
  return {
    proxy,
    engine,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

describe('a connection to the Engine', () => {
  test('speaks the newest version that both know, and says where it is', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine } = sandbox;
    expect(engine.apiVersion).toMatch(/^1\.\d+$/);
    expect([engine.supports('1.20'), engine.supports('1.99')]).toEqual([true, false]);
    expect(engine.description).toMatch(/^(unix|tcp):\/\//);
  });

  test("a refusal has the Engine's status and words", async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const failed = sandbox.engine.request('GET', '/containers/nosuch/json', {}, signal);
    await expect(failed).rejects.toEqual(
      new EngineError('GET /containers/nosuch/json', 404, 'No such container: nosuch'),
    );
    await expect(sandbox.engine.stream('GET', '/containers/nosuch/logs', {}, signal)).rejects.toThrow(EngineError);
    await expect(
      sandbox.engine.hijack('/containers/nosuch/attach', { query: { stream: 1 } }, signal),
    ).rejects.toMatchObject({
      status: 404,
      detail: 'No such container: nosuch',
    });
  });

  test('nobody there: says where it looked and what to do', async ({ expect }) => {
    await expect(Engine.open({ DOCKER_HOST: 'unix:///nowhere/docker.sock' }, signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNREACHABLE',
      message: 'no Docker Engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST)',
      hint: expect.stringContaining('ENOENT'),
    });
    await expect(Engine.open({ DOCKER_HOST: 'tcp://127.0.0.1:1' }, signal)).rejects.toMatchObject({
      message: 'no Docker Engine answers at tcp://127.0.0.1:1 (from DOCKER_HOST)',
      hint: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test.skipIf(process.getuid?.() !== 0)(
    'a socket that is not for us: says how to get the right',
    async ({ expect }) => {
      const module = fileURLToPath(new URL('../../../src/runtime/container/engine.ts', import.meta.url));
      await using proxy = await EngineProxy.open();
      const script = `import { Engine } from ${JSON.stringify(module)};
      const { seteuid } = process;
      const opened = import('dockerode').then(() => { seteuid(65534); return Engine.open({ DOCKER_HOST: ${JSON.stringify(`unix://${proxy.socketPath}`)} }, AbortSignal.timeout(9000)); });
      opened.catch((error) => console.log(JSON.stringify({ ...error, message: error.message })));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      expect(JSON.parse(await text(child.stdout))).toMatchObject({
        code: 'ERR_ENGINE_UNREACHABLE',
        message: expect.stringMatching(/^permission denied by the Docker Engine's socket unix:/),
        hint: expect.stringContaining('docker group'),
      });
    },
  );

  test('something else answers there', async ({ expect }) => {
    await using server = await serve((_request, response) => response.end('<html>'));
    await expect(Engine.open(server.env, signal)).rejects.toMatchObject({ code: 'ERR_ENGINE_UNREACHABLE' });
    await using json = await serve((_request, response) => response.end('{"hello":1}'));
    await expect(Engine.open(json.env, signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNREACHABLE',
      hint: expect.stringContaining('is no Docker Engine'),
    });
  });

  test('DOCKER_HOST of the process does not mix with the one that is asked for', async ({ expect }) => {
    await using proxy = await EngineProxy.open();
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
    try {
      await using engine = await Engine.open({ DOCKER_HOST: `unix://${proxy.socketPath}` }, signal);
      expect(engine.isLocal).toBe(true);
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
    }
  });
});

describe('an Engine that goes away', () => {
  const endless = { query: { since: 0 } } as const;

  test('in the middle of an answer: the request fails, and does not wait for ever', async ({ expect }) => {
    await using server = await serve((request, response) => {
      if (request.url === '/version') response.end('{"Version":"1","ApiVersion":"1.41","Arch":"amd64"}');
      else {
        response.writeHead(200, { 'Content-Length': '1000' });
        response.write('{"a":');
        setImmediate(() => response.destroy());
      }
    });
    await using engine = await Engine.open(server.env, signal);
    const error: unknown = await engine.request('GET', '/info', {}, signal).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'ERR_ENGINE_UNREACHABLE' });
    expect(isLost(error)).toBe(true);
  });

  test('during a stream: the stream fails with what isLost knows', async ({ expect }) => {
    await using parts = await throughProxy();
    const stream = await parts.engine.stream('GET', '/events', endless, signal);
    parts.proxy.cut();
    const error: unknown = await text(stream).catch((caught: unknown) => caught);
    expect(isLost(error)).toBe(true);
  });

  test('is asked again as soon as it is back', async ({ expect }) => {
    await using parts = await throughProxy();
    await parts.proxy.down();
    await expect(parts.engine.request('GET', '/info', {}, signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNREACHABLE',
    });
    await parts.proxy.restore();
    expect(await parts.engine.request('GET', '/info', {}, signal)).toHaveProperty('ID');
  });
});

describe('an aborted signal', () => {
  test('ends requests, streams and attached connections, and leaves no socket', async ({ expect }) => {
    await using parts = await throughProxy();
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.service('web', ['cat'], { engine: { stdin_open: true } }));
    const stop = new AbortController();
    const waiting = parts.engine.request('POST', `/containers/${handle}/stop`, { query: { t: 30 } }, stop.signal);
    const stream = await parts.engine.stream('GET', '/events', {}, stop.signal);
    const attached = await createFabricEngine(parts.engine).attach(handle, stop.signal);
    const closed = new Promise((resolve) => attached.once('close', resolve));
    const outcome = Promise.allSettled([waiting, text(stream)]);
    await eventually(() => expect(parts.proxy.open).toBe(3));
    stop.abort();
    expect((await outcome).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await closed;
    await eventually(() => expect(parts.proxy.open).toBe(0));
    await expect(waiting).rejects.toBe(stop.signal.reason);
  });

  test('ends a request before it is sent', async ({ expect }) => {
    await using parts = await throughProxy();
    const before = parts.proxy.accepted;
    const reason = new Error('enough');
    await expect(parts.engine.request('GET', '/info', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(parts.proxy.accepted).toBe(before);
  });
});

describe('disposing', () => {
  test('ends everything that is open, and nothing is sent afterwards', async ({ expect }) => {
    await using proxy = await EngineProxy.open();
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.service('web', ['cat'], { engine: { stdin_open: true } }));
    const engine = await Engine.open({ DOCKER_HOST: `unix://${proxy.socketPath}` }, signal);
    const stream = await engine.stream('GET', '/events', {}, signal);
    const attached = await createFabricEngine(engine).attach(handle, signal);
    const closed = new Promise((resolve) => attached.once('close', resolve));
    const read = text(stream).catch((error: unknown) => error);
    await engine[Symbol.asyncDispose]();
    await closed;
    expect(isLost(await read)).toBe(true);
    await eventually(() => expect(proxy.open).toBe(0));
    const { accepted } = proxy;
    await expect(engine.request('GET', '/info', {}, signal)).rejects.toMatchObject({ code: 'ERR_ENGINE_UNREACHABLE' });
    expect(proxy.accepted).toBe(accepted);
  });

  test('a stream that is left ends its connection', async ({ expect }) => {
    await using parts = await throughProxy();
    const stream = await parts.engine.stream('GET', '/info', {}, signal);
    for await (const _chunk of stream) break;
    await eventually(() => expect(parts.proxy.open).toBe(0));
  });
});
