import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { NetworkSpec, Project, Service } from '../../src/model/project.ts';
import { createFabric } from '../../src/net/project-fabric.ts';
import type { ProjectFabric } from '../../src/net/project-fabric.ts';
import { docker, NetSandbox, openEngine, until } from './docker.ts';
import { container, project, wasm } from './projects.ts';

const signal = AbortSignal.timeout(170_000);
const web = instanceId('web', 1);

function makeFabric(
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
  });
  fabric.setProject(desired);
  return { fabric, desired, notices };
}

describe('a container and a Wasm service on one network', () => {
  test('the container reaches the service by name while it listens, and only then', async ({ expect }) => {
    await using sandbox = await NetSandbox.open();
    const network = await sandbox.network('default');
    const client = await sandbox.container('client', network);
    const service = wasm('web', [{ network: 'default', aliases: ['shop'] }]);
    const { fabric } = makeFabric(sandbox, [service, container('client')]);
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
    expect(await docker('ps', '-aq', '--filter', 'label=dev.wcompose.kind=relay')).toBe('');
  });

  test('the service finds the container by its names and reaches it', async ({ expect }) => {
    await using sandbox = await NetSandbox.open();
    const network = await sandbox.network('default');
    const service = wasm('web');
    const { fabric } = makeFabric(sandbox, [service, container('db')]);
    await using _fabric = fabric;
    await fabric.attach(web, service, signal);
    const db = await sandbox.container('db', network);
    const address = await db.ip(network);
    // Nobody said that it came: a miss looks again.
    await until(async () => (await fabric.resolve(web, 'db', signal)).length > 0);
    expect(await fabric.resolve(web, `${sandbox.name}-db-1`, signal)).toEqual([address]);
    expect(await fabric.resolve(web, 'DB.', signal)).toEqual([address]);
    expect(await fabric.authorize(web, address, 5432, signal)).toEqual({ to: 'tcp', host: address, port: 5432 });
  });
});

test('ten megabytes go both ways at once, and a half-close leaves the other way open', async ({ expect }) => {
  await using sandbox = await NetSandbox.open();
  const network = await sandbox.network('default');
  const client = await sandbox.container('client', network);
  const service = wasm('web');
  const { fabric } = makeFabric(sandbox, [service, container('client')]);
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

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
