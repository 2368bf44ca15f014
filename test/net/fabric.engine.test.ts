import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';

import { beforeEach, describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { InstanceId } from '../../src/model/ids.ts';
import type { NetworkSpec, Project, Service } from '../../src/model/project.ts';
import type { Plane } from '../../src/net/plane.ts';
import { createFabric } from '../../src/net/project-fabric.ts';
import type { ProjectFabric } from '../../src/net/project-fabric.ts';
import { docker, NetSandbox, openEngine, TestContainer, until } from './docker.ts';
import { container, project, wasm } from './projects.ts';

let signal: AbortSignal;
const web = instanceId('web', 1);

beforeEach(() => {
  signal = AbortSignal.timeout(170_000);
});

function fabricOn(
  plane: Plane,
  sandbox: NetSandbox,
  services: readonly Service[],
  networks: Readonly<Record<string, Partial<NetworkSpec>>> = {},
): { readonly fabric: ProjectFabric; readonly desired: Project; readonly notices: string[] } {
  const desired = project(services, networks, sandbox.name);
  const notices: string[] = [];
  const fabric = createFabric({
    project: desired.name,
    runDir: sandbox.dir,
    engine: async () => await openEngine(),
    onNotice: (message) => notices.push(message),
    plane,
  });
  fabric.setProject(desired);
  return { fabric, desired, notices };
}

describe.each<Plane>(['unix', 'mux'])('over %s', (plane) => {
  describe('a container and a Wasm service on one network', () => {
    test('the container reaches the service by name while it listens, and only then', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const client = await sandbox.container('client', network);
      const service = wasm('web', [{ network: 'default', aliases: ['shop'] }]);
      const { fabric } = fabricOn(plane, sandbox, [service, container('client')]);
      await using _fabric = fabric;
      const { socketDir } = await fabric.attach(web, service, signal);
      const peers: string[] = [];
      await sandbox.serve(join(socketDir, '8080'), (socket, peer) => {
        peers.push(peer);
        socket.end('hello from wasm');
      });

      expect((await client.sh('nc web 8080')).stderr).toContain('refused');
      await fabric.setListening(web, 8080, true, signal);
      expect((await client.sh('nc web 8080 </dev/null')).stdout).toBe('hello from wasm');
      expect((await client.sh('nc shop 8080 </dev/null')).stdout).toBe('hello from wasm');
      expect((await client.sh(`nc ${sandbox.name}-web-1 8080 </dev/null`)).stdout).toBe('hello from wasm');
      expect(peers[0]).toMatch(new RegExp(`^${(await client.ip(network)).replaceAll('.', '\\.')} \\d+$`));
      await fabric.setListening(web, 8080, false, signal);
      expect((await client.sh('nc web 8080')).stderr).toContain('refused');

      await fabric.detach(web, signal);
      expect((await client.sh('nslookup web 127.0.0.11')).code).not.toBe(0);
      expect(await relays(sandbox)).toBe('');
    });

    test('the service finds the container by its names and reaches it', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const service = wasm('web');
      const { fabric } = fabricOn(plane, sandbox, [service, container('db')]);
      await using _fabric = fabric;
      await fabric.attach(web, service, signal);
      const db = await sandbox.container('db', network);
      const address = await db.ip(network);
      // Nobody said that it came: a miss looks again.
      await until(async () => (await fabric.resolve(web, 'db', signal)).length > 0);
      expect(await fabric.resolve(web, `${sandbox.name}-db-1`, signal)).toEqual([address]);
      expect(await fabric.resolve(web, 'DB.', signal)).toEqual([address]);
      expect(await exchange(fabric, web, address, 5432, 'hello')).toMatch(/ECONNREFUSED/);
      await db.sh('nc -ll -p 5432 -e cat >/dev/null 2>&1 &');
      await until(async () => (await exchange(fabric, web, address, 5432, 'hello')) === 'hello');
      // An address of the network that nobody has.
      const nobody = address.replace(/\d+$/, '250');
      expect(await exchange(fabric, web, nobody, 5432, 'hello')).toMatch(/EHOSTUNREACH/);
    });
  });

  describe('walls', () => {
    test('a container on another network reaches neither the name nor the address', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const [front, back] = [await sandbox.network('front'), await sandbox.network('back')];
      const near = await sandbox.container('near', front);
      const far = await sandbox.container('far', back);
      const service = wasm('web', ['front']);
      const { fabric } = fabricOn(plane, sandbox, [service, container('near', ['front']), container('far', ['back'])]);
      await using _fabric = fabric;
      const { socketDir } = await fabric.attach(web, service, signal);
      await sandbox.serve(join(socketDir, '80'), (socket) => socket.end('hello'));
      await fabric.setListening(web, 80, true, signal);
      const address = await relayAddress(sandbox, front);
      expect((await near.sh(`nc ${address} 80 </dev/null`)).stdout).toBe('hello');
      expect((await far.sh(`nc -w 2 ${address} 80 </dev/null`)).stdout).toBe('');
      expect((await far.sh('nslookup web 127.0.0.11')).code).not.toBe(0);
      // And the other way: the policy, as a host process could reach every bridge.
      const verdict = await fabric.authorize(web, await far.ip(back), 80, signal);
      expect(verdict).toMatchObject({ to: 'refused', errno: 'EHOSTUNREACH' });
      expect(await fabric.resolve(web, 'far', signal)).toEqual([]);
    });

    test('an internal network joins both kinds, and has no way out', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default', '--internal');
      const client = await sandbox.container('client', network);
      const service = wasm('web');
      const { fabric } = fabricOn(plane, sandbox, [service, container('client')], { default: { internal: true } });
      await using _fabric = fabric;
      const { socketDir } = await fabric.attach(web, service, signal);
      await sandbox.serve(join(socketDir, '8080'), (socket) => socket.end('hello'));
      await fabric.setListening(web, 8080, true, signal);
      expect((await client.sh('nc web 8080 </dev/null')).stdout).toBe('hello');
      const address = await client.ip(network);
      await client.sh('nc -ll -p 5432 -e cat >/dev/null 2>&1 &');
      await until(async () => (await exchange(fabric, web, address, 5432, 'hello')) === 'hello');
      expect(await fabric.authorize(web, '192.0.2.1', 443, signal)).toMatchObject({ errno: 'ENETUNREACH' });
    });
  });

  describe('relays come and go', () => {
    test('one that is removed by force is made anew and listens again', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const client = await sandbox.container('client', network);
      const service = wasm('web');
      const { fabric, notices } = fabricOn(plane, sandbox, [service, container('client')]);
      await using _fabric = fabric;
      const { socketDir } = await fabric.attach(web, service, signal);
      await sandbox.serve(join(socketDir, '8080'), (socket) => socket.end('hello'));
      await fabric.setListening(web, 8080, true, signal);
      await docker('rm', '-f', `${sandbox.name}-web-1`);
      await until(() => notices.some((notice) => notice.includes('runs again')));
      await until(async () => (await client.sh('nc web 8080 </dev/null')).stdout === 'hello');
      expect(notices[0]).toMatch(/^the relay of web#1 ended \(.*\); starting it again$/);
      expect(await addressesIn(client, 'web')).toEqual([await relayAddress(sandbox, network)]);
    });

    test('those of a supervisor that died are gone before the first new one', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const client = await sandbox.container('client', network);
      // AutoRemove takes away what dies with its supervisor; these stand for what it could not.
      await sandbox.container('old', network, '--label', 'dev.wcompose.kind=relay', '--network-alias', 'web');
      const service = wasm('web');
      const { fabric } = fabricOn(plane, sandbox, [service, container('client')]);
      await using _fabric = fabric;
      expect(await addressesIn(client, 'web')).toHaveLength(1);
      for (let round = 0; round < 3; round++) {
        await fabric.attach(web, service, signal);
        expect(await addressesIn(client, 'web')).toEqual([await relayAddress(sandbox, network)]);
        await fabric.detach(web, signal);
        expect(await addressesIn(client, 'web')).toEqual([]);
      }
    });

    test('each replica has its own; the name means all of them', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const client = await sandbox.container('client', network);
      const service = wasm('web', ['default'], { replicas: 2 });
      const { fabric } = fabricOn(plane, sandbox, [service, container('client')]);
      await using _fabric = fabric;
      for (const index of [1, 2]) {
        const id = instanceId('web', index);
        const { socketDir } = await fabric.attach(id, service, signal);
        await sandbox.serve(join(socketDir, '8080'), (socket) => socket.end(`from ${index}`));
        await fabric.setListening(id, 8080, true, signal);
      }
      expect(await addressesIn(client, 'web')).toHaveLength(2);
      expect((await client.sh(`nc ${sandbox.name}-web-1 8080 </dev/null`)).stdout).toBe('from 1');
      expect((await client.sh(`nc ${sandbox.name}-web-2 8080 </dev/null`)).stdout).toBe('from 2');
    });

    test('a relay ends with the process that holds it, killed or not', async ({ expect }) => {
      await using sandbox = new NetSandbox();
      const network = await sandbox.network('default');
      const client = await sandbox.container('client', network);
      const script = join(import.meta.dirname, 'hold-relay.ts');
      const holder = spawn(process.execPath, [script, sandbox.name, sandbox.dir, plane], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      expect(String(await once(holder.stdout, 'data'))).toBe('ready\n');
      expect((await client.sh('nc web 8080 </dev/null')).stdout).toContain('held by');
      holder.kill('SIGKILL');
      await until(async () => (await relays(sandbox)) === '');
      expect(await addressesIn(client, 'web')).toEqual([]);
    });
  });

  test('ten megabytes go both ways at once, and a half-close leaves the other way open', async ({ expect }) => {
    await using sandbox = new NetSandbox();
    const network = await sandbox.network('default');
    const client = await sandbox.container('client', network);
    const service = wasm('web');
    const { fabric } = fabricOn(plane, sandbox, [service, container('client')]);
    await using _fabric = fabric;
    const { socketDir } = await fabric.attach(web, service, signal);
    const [up, down] = [randomBytes(10_000_000), randomBytes(10_000_000)];
    const received: string[] = [];
    await sandbox.serve(join(socketDir, '9000'), (socket) => {
      const hash = createHash('sha256');
      socket.write(down.subarray(0, 5_000_000));
      socket.on('data', (chunk) => void hash.update(chunk));
      socket.on('end', () => {
        received.push(hash.digest('hex'));
        // The client has closed its side; it must still get the rest.
        socket.end(down.subarray(5_000_000));
      });
    });
    await fabric.setListening(web, 9000, true, signal);
    const got = await client.sh('nc web 9000 | sha256sum', up);
    expect(received).toEqual([sha256(up)]);
    expect(got.stdout.split(' ')[0]).toBe(sha256(down));
  });

  test('ten megabytes go from a Wasm instance to a container and back', async ({ expect }) => {
    await using sandbox = new NetSandbox();
    const network = await sandbox.network('default');
    const db = await sandbox.container('db', network);
    const service = wasm('web');
    const { fabric } = fabricOn(plane, sandbox, [service, container('db')]);
    await using _fabric = fabric;
    await fabric.attach(web, service, signal);
    const address = await db.ip(network);
    await db.sh('nc -ll -p 5432 -e cat >/dev/null 2>&1 &');
    await until(async () => (await exchange(fabric, web, address, 5432, 'hello')) === 'hello');
    const data = randomBytes(10_000_000).toString('hex');
    expect((await exchange(fabric, web, address, 5432, data)) === data).toBe(true);
  });
});

/** What a worker does to connect: what comes back, or the errno of the refusal. */
async function exchange(
  fabric: ProjectFabric,
  id: InstanceId,
  address: string,
  port: number,
  text: string,
): Promise<string> {
  const verdict = await fabric.authorize(id, address, port, signal);
  if (verdict.to === 'refused') return verdict.errno;
  const where = verdict.to === 'tcp' ? { host: verdict.host, port: verdict.port } : { path: verdict.path };
  const socket = connect({ ...where, allowHalfOpen: true });
  if (verdict.to === 'unix') socket.write(verdict.hello);
  socket.end(text);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
  return Buffer.concat(chunks).toString();
}

async function relays(sandbox: NetSandbox): Promise<string> {
  const labels = [`com.docker.compose.project=${sandbox.name}`, 'dev.wcompose.kind=relay'];
  return await docker('ps', '-aq', ...labels.flatMap((label) => ['--filter', `label=${label}`]));
}

async function relayAddress(sandbox: NetSandbox, network: string): Promise<string> {
  return await new TestContainer(`${sandbox.name}-web-1`).ip(network);
}

/** What Docker's DNS says to a container. */
async function addressesIn(client: TestContainer, name: string): Promise<readonly string[]> {
  const { stdout } = await client.sh(`nslookup ${name} 127.0.0.11`);
  const [, answers = ''] = stdout.split('Name:');
  return [...stdout.matchAll(/^Address(?: \d+)?: (\d+\.\d+\.\d+\.\d+)(?: .*)?$/gm)]
    .map((match) => match[1] ?? '')
    .filter((address) => answers !== '' && address !== '127.0.0.11');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
