import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'vitest';

import { Engine } from '../../../src/runtime/container/engine.ts';
import { createFabricEngine } from '../../../src/runtime/container/fabric-engine.ts';
import { BUSYBOX, docker, eventually, Sandbox } from './sandbox.ts';

const signal = AbortSignal.timeout(60_000);

/** An Engine that says this of itself, and has a bridge whose address is one of this host. */
async function describedAs(info: object, kind: 'tcp' | 'unix'): Promise<AsyncDisposable & { readonly engine: Engine }> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v1\.\d+/, '');
    if (path.startsWith('/version')) response.end('{"Version":"1","ApiVersion":"1.41","Arch":"arm64"}');
    else if (path.startsWith('/info')) response.end(JSON.stringify(info));
    else response.end('[{"Id":"1","Driver":"bridge","IPAM":{"Config":[{"Subnet":"127.0.0.0/8"}]}}]');
  });
  const dir = mkdtempSync(join(tmpdir(), 'wc-info-'));
  const socketPath = join(dir, 'docker.sock');
  const where = kind === 'unix' ? { path: socketPath } : { host: '127.0.0.1', port: 0 };
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const address = server.address();
  const host = typeof address === 'string' ? `unix://${address}` : `tcp://127.0.0.1:${address?.port}`;
  return {
    engine: await Engine.open({ DOCKER_HOST: host }, signal),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

describe('what the fabric asks of the Engine', () => {
  test('the Engine of this machine is native', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    expect(await createFabricEngine(sandbox.engine).info(signal)).toEqual({
      arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
      native: true,
      rootless: false,
    });
  });

  const here = { Name: hostname(), KernelVersion: release(), OperatingSystem: 'Debian GNU/Linux 12' };
  const infos: readonly (readonly [string, 'tcp' | 'unix', object, object])[] = [
    ['at a socket of this host is native', 'unix', here, { native: true, rootless: false }],
    ['at an address is not', 'tcp', here, { native: false }],
    ['at a socket that is forwarded from another host is not', 'unix', { ...here, Name: 'remote' }, { native: false }],
    ['on another kernel is not', 'unix', { ...here, KernelVersion: '1.2.3' }, { native: false }],
    ['in Docker Desktop is not', 'unix', { ...here, OperatingSystem: 'Docker Desktop' }, { native: false }],
    [
      'that is rootless is not, and says so',
      'unix',
      { ...here, SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'] },
      { native: false, rootless: true },
    ],
  ];
  for (const [what, kind, info, expected] of infos) {
    test(`one ${what}`, async ({ expect }) => {
      await using parts = await describedAs(info, kind);
      expect(await createFabricEngine(parts.engine).info(signal)).toMatchObject({ arch: 'arm64', ...expected });
    });
  }

  test('a relay is made, joined, attached to, started and removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const fabric = createFabricEngine(sandbox.engine);
    const [front, back] = [await sandbox.network('front'), await sandbox.network('back')];
    const labels = { 'com.docker.compose.project': sandbox.project, 'dev.wcompose.kind': 'relay' };
    const name = `${sandbox.project}-api-1`;
    const id = await fabric.createContainer(
      name,
      {
        Image: BUSYBOX,
        Cmd: ['sh', '-c', 'read line; echo "got $line"; exec sleep 60'],
        OpenStdin: true,
        StdinOnce: true,
        Labels: labels,
        HostConfig: { NetworkMode: front.name, AutoRemove: true },
      },
      signal,
    );
    await fabric.connectNetwork(back.name, id, ['api'], signal);
    const connection = await fabric.attach(id, signal);
    await fabric.startContainer(id, signal);
    connection.write('hello\n');
    const chunk = (await connection[Symbol.asyncIterator]().next()).value as Buffer;
    expect(chunk.subarray(8).toString()).toBe('got hello\n');
    expect(await fabric.relays(sandbox.project, signal)).toEqual([
      { id, name, networks: [back.name, front.name].toSorted() },
    ]);
    const addresses = await fabric.addresses(id, signal);
    expect(Object.keys(addresses).toSorted()).toEqual([back.name, front.name]);
    expect(await fabric.endpoints(sandbox.project, [front.name, back.name], signal)).toEqual([]);
    expect(await fabric.subnets(front.name, signal)).toHaveLength(1);
    await fabric.removeContainer(name, signal);
    await fabric.removeContainer(name, signal);
    expect(await fabric.relays(sandbox.project, signal)).toEqual([]);
    expect(await fabric.addresses(id, signal)).toEqual({});
  });

  test('containers that run on a network are found by all their names', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const fabric = createFabricEngine(sandbox.engine);
    const networks = [await sandbox.network('default')];
    const service = sandbox.service('web', ['sleep', '60'], {
      networkMode: undefined,
      networks: [{ network: 'default', aliases: ['www'] }],
    });
    const handle = await sandbox.create(service, { networks });
    const names = networks.map((one) => one.name);
    expect(await fabric.endpoints(sandbox.project, names, signal)).toEqual([]);
    await sandbox.runtime.start(handle, signal);
    const [found, ...others] = await fabric.endpoints(sandbox.project, names, signal);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ network: names[0], address: expect.stringMatching(/^\d+\./) });
    expect(found?.names).toEqual(expect.arrayContaining(['web', 'www', `${sandbox.project}-web-1`]));
    expect(await fabric.endpoints(sandbox.project, [], signal)).toEqual([]);
  });

  test('a container that nobody labelled is not removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { stdout } = await docker('create', BUSYBOX, 'true');
    try {
      const removing = createFabricEngine(sandbox.engine).removeContainer(stdout, signal);
      await expect(removing).rejects.toMatchObject({ code: 'ERR_NOT_OURS' });
    } finally {
      await docker('rm', stdout);
    }
  });

  test('an image is loaded, or it is said that it cannot be', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const fabric = createFabricEngine(sandbox.engine);
    expect(await fabric.hasImage(BUSYBOX, signal)).toBe(true);
    expect(await fabric.hasImage('nosuch/image:1', signal)).toBe(false);
    await expect(fabric.loadImage(Buffer.from('no archive'), signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_REFUSED',
    });
  });

  test('an attached connection sees the end of its container', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.create(sandbox.shell('web', 'echo bye'));
    const connection = await createFabricEngine(sandbox.engine).attach(handle, signal);
    await sandbox.runtime.start(handle, signal);
    expect(await text(connection)).toContain('bye');
    await eventually(() => expect(connection.readableEnded).toBe(true));
  });
});
