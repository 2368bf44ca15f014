import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';

import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import { DialServer } from '../../src/net/dial-server.ts';
import { planeChoice, planeOf } from '../../src/net/plane.ts';
import type { PlaneChoice } from '../../src/net/plane.ts';
import { createFabric } from '../../src/net/project-fabric.ts';
import type { ProjectFabric } from '../../src/net/project-fabric.ts';
import { FakeFabricEngine } from '../fake/fabric-engine.ts';
import { container, project, wasm } from './projects.ts';

const web = instanceId('web', 1);
const elsewhere = { arch: 'amd64', native: false, rootless: false } as const;
const soon = (): AbortSignal => AbortSignal.timeout(30_000);

/** A Wasm service and a container on an Engine elsewhere. */
class Sandbox implements AsyncDisposable {
  readonly engine = new FakeFabricEngine();
  readonly runDir = mkdtempSync(join(tmpdir(), 'wcs-'));
  readonly fabric: ProjectFabric;
  readonly service = wasm('web');
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];

  constructor(plane: PlaneChoice = 'auto') {
    const desired = project([this.service, container('db')]);
    this.fabric = createFabric({
      project: desired.name,
      runDir: this.runDir,
      engine: async () => await Promise.resolve(this.engine),
      onNotice: () => {},
      plane,
    });
    this.engine.infoNow = elsewhere;
    this.engine.subnetsNow = { demo_default: ['172.18.0.0/16'] };
    this.fabric.setProject(desired);
  }

  async serve(path: string, onSocket: (socket: Socket) => void): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.push(socket);
      socket.on('error', () => {});
      onSocket(socket);
    }).listen(path);
    await once(server, 'listening');
    this.#servers.push(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    await this.fabric[Symbol.asyncDispose]();
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

describe('which way bytes travel', () => {
  const native = { ...elsewhere, native: true };
  const rows = [
    [undefined, native, 'unix'],
    ['', elsewhere, 'mux'],
    ['auto', elsewhere, 'mux'],
    ['unix', elsewhere, 'unix'],
    ['mux', native, 'mux'],
  ] as const;
  for (const [value, info, plane] of rows) {
    test(`WCOMPOSE_NET=${value} with an Engine ${info.native ? 'here' : 'elsewhere'}: ${plane}`, ({ expect }) => {
      expect(planeOf(planeChoice({ WCOMPOSE_NET: value }), info)).toBe(plane);
    });
  }

  test('another value of WCOMPOSE_NET is an error that names it', ({ expect }) => {
    expect(() => planeChoice({ WCOMPOSE_NET: 'fast' })).toThrow('WCOMPOSE_NET is "fast"; it may be auto, unix or mux');
  });
});

describe('a relay on an Engine elsewhere', () => {
  test('sees nothing of this machine and is nobody', async ({ expect }) => {
    await using sandbox = new Sandbox();
    await sandbox.fabric.attach(web, sandbox.service, soon());
    const { body } = sandbox.engine.byName('demo-web-1');
    expect(body).toMatchObject({ Cmd: ['run'], User: '65534:65534', HostConfig: { CapDrop: ['ALL'] } });
    expect(body['HostConfig']).not.toHaveProperty('Mounts');
    expect(body['HostConfig']).not.toHaveProperty('UsernsMode');
  });

  test('brings connections of containers to the worker, with the line that names the peer', async ({ expect }) => {
    await using sandbox = new Sandbox();
    const { socketDir } = await sandbox.fabric.attach(web, sandbox.service, soon());
    await sandbox.serve(join(socketDir, '80'), (socket) => socket.pipe(socket));
    await sandbox.fabric.setListening(web, 80, true, soon());
    expect(await sandbox.engine.connectTo('demo-web-1', 80, 'hello')).toBe('172.18.0.9 40000\nhello');
  });

  test('resets them where no worker listens', async ({ expect }) => {
    await using sandbox = new Sandbox();
    await sandbox.fabric.attach(web, sandbox.service, soon());
    expect(await sandbox.engine.connectTo('demo-web-1', 80, 'hello')).toBe('reset');
  });

  test('connects for the instance; the worker gets the open connection by its line', async ({ expect }) => {
    await using sandbox = new Sandbox();
    await sandbox.fabric.attach(web, sandbox.service, soon());
    const verdict = await sandbox.fabric.authorize(web, '172.18.0.5', 5432, soon());
    expect(verdict).toMatchObject({ to: 'unix', path: join(sandbox.runDir, 'n/d') });
    expect(sandbox.engine.dials).toEqual(['172.18.0.5 5432']);
    if (verdict.to !== 'unix') return;
    expect(await exchange(verdict.path, verdict.hello, 'hello')).toBe('hello');
    // The line is good for one connection.
    expect(await exchange(verdict.path, verdict.hello, 'again')).not.toContain('again');
  });

  const refusals = [
    ['ECONNREFUSED', 'ECONNREFUSED'],
    ['ETIMEDOUT', 'ETIMEDOUT'],
    ['EHOSTUNREACH', 'EHOSTUNREACH'],
    ['EMFILE', 'EHOSTUNREACH'],
  ] as const;
  for (const [errno, seen] of refusals) {
    test(`that answers ${errno} gives the guest ${seen}`, async ({ expect }) => {
      await using sandbox = new Sandbox();
      await sandbox.fabric.attach(web, sandbox.service, soon());
      sandbox.engine.refuseDial = () => errno;
      expect(await sandbox.fabric.authorize(web, '172.18.0.5', 5432, soon())).toEqual({
        to: 'refused',
        errno: seen,
        reason: `web#1 cannot connect to 172.18.0.5 port 5432: its relay says ${errno}`,
      });
    });
  }

  test('that ends while it connects refuses, and so does one that is being replaced', async ({ expect }) => {
    await using sandbox = new Sandbox();
    const { engine, fabric } = sandbox;
    await fabric.attach(web, sandbox.service, soon());
    engine.ignoreDials = true;
    const verdict = fabric.authorize(web, '172.18.0.5', 5432, soon());
    while (engine.dials.length === 0) await tick();
    engine.fail = () => new Error('no Engine');
    engine.kill('demo-web-1');
    expect(await verdict).toMatchObject({ errno: 'ENETUNREACH' });
    expect(await fabric.authorize(web, '172.18.0.5', 5432, soon())).toMatchObject({ errno: 'ENETUNREACH' });
    engine.fail = () => undefined;
  });

  test('is told when the question is given up', async ({ expect }) => {
    await using sandbox = new Sandbox();
    const { engine, fabric } = sandbox;
    await fabric.attach(web, sandbox.service, soon());
    engine.ignoreDials = true;
    const abort = new AbortController();
    const verdict = fabric.authorize(web, '172.18.0.5', 5432, abort.signal);
    while (engine.dials.length === 0) await tick();
    abort.abort(new Error('the instance ends'));
    await expect(verdict).rejects.toThrow('the instance ends');
    while (engine.resets.length === 0) await tick();
  });

  test('is not asked where the policy refuses', async ({ expect }) => {
    await using sandbox = new Sandbox();
    await sandbox.fabric.attach(web, sandbox.service, soon());
    expect(await sandbox.fabric.authorize(web, '169.254.169.254', 80, soon())).toMatchObject({ errno: 'EACCES' });
    expect(await sandbox.fabric.authorize(web, '198.18.9.9', 80, soon())).toMatchObject({ errno: 'EHOSTUNREACH' });
    expect(sandbox.engine.dials).toEqual([]);
  });
});

describe('connections that wait for their worker', () => {
  test('end when nobody comes', async ({ expect }) => {
    await using dir = temporary();
    await using server = new DialServer(join(dir.path, 'd'), 1);
    const stream = new PassThrough();
    const { path, hello } = await server.offer(stream);
    await once(stream, 'close');
    expect(await exchange(path, hello, 'late')).not.toContain('late');
  });

  test('are not for one who names none, or ends before it names one', async ({ expect }) => {
    await using dir = temporary();
    await using server = new DialServer(join(dir.path, 'd'));
    const stream = new PassThrough();
    const { path } = await server.offer(stream);
    for (const line of ['\n', 'x\n', 'y'.repeat(1_000), 'z']) expect(await exchange(path, line, '')).toBe('');
    expect(stream.destroyed).toBe(false);
  });

  test('end with the server, and its socket is gone', async ({ expect }) => {
    await using dir = temporary();
    const server = new DialServer(join(dir.path, 'd'));
    const stream = new PassThrough();
    const { path } = await server.offer(stream);
    await server[Symbol.asyncDispose]();
    expect(stream.destroyed).toBe(true);
    expect(existsSync(path)).toBe(false);
  });
});

function temporary(): AsyncDisposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'wcd-'));
  return {
    path,
    [Symbol.asyncDispose]: async () => await Promise.resolve(rmSync(path, { recursive: true, force: true })),
  };
}

/** What comes back until the end, also when that is a reset. */
async function exchange(path: string, hello: string, text: string): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.write(hello);
  socket.end(text);
  let got = '';
  socket.on('data', (chunk: Buffer) => void (got += chunk.toString()));
  await new Promise<void>((resolve) => {
    socket.on('error', () => {});
    socket.on('end', resolve);
    socket.on('close', () => resolve());
  });
  return got;
}
