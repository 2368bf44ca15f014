import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';

import { describe, test } from 'vitest';

import { WcError } from '../../src/model/diagnostic.ts';
import { instanceId } from '../../src/model/ids.ts';
import type { NetworkSpec, Service } from '../../src/model/project.ts';
import type { PlaneChoice } from '../../src/net/plane.ts';
import { createFabric } from '../../src/net/project-fabric.ts';
import type { ProjectFabric } from '../../src/net/project-fabric.ts';
import { HOST_GATEWAY } from '../../src/net/virtual-addresses.ts';
import { FakeFabricEngine } from '../fake/fabric-engine.ts';
import { container, project, wasm } from './projects.ts';

const signal = AbortSignal.timeout(60_000);
const [web, api] = [instanceId('web', 1), instanceId('api', 1)];

class Sandbox implements AsyncDisposable {
  readonly engine = new FakeFabricEngine();
  readonly runDir = mkdtempSync(join(tmpdir(), 'wcf-'));
  readonly notices: string[] = [];
  readonly asked: string[] = [];
  readonly fabric: ProjectFabric;
  engineAsked = 0;
  outside: (name: string) => readonly string[] = () => [];

  constructor(
    services: readonly Service[],
    networks: Readonly<Record<string, Partial<NetworkSpec>>> = {},
    plane: PlaneChoice = 'auto',
  ) {
    const desired = project(services, networks);
    this.fabric = createFabric({
      project: desired.name,
      runDir: this.runDir,
      engine: async () => {
        this.engineAsked++;
        return await Promise.resolve(this.engine);
      },
      onNotice: (message) => this.notices.push(message),
      plane,
      hostAddresses: () => ({ own: new Set(), bridges: [] }),
      lookup: async (name) => {
        this.asked.push(name);
        return await Promise.resolve(this.outside(name));
      },
    });
    this.fabric.setProject(desired);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fabric[Symbol.asyncDispose]();
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await tick();
}

describe('a project of Wasm services only', () => {
  test('never asks for an Engine; names, addresses and sockets work', async ({ expect }) => {
    const services = [wasm('web'), wasm('api', ['default'], { replicas: 2 })] as const;
    await using sandbox = new Sandbox(services);
    const { fabric } = sandbox;
    const attached = await fabric.attach(web, services[0], signal);
    const first = await fabric.attach(api, services[1], signal);
    const second = await fabric.attach(instanceId('api', 2), services[1], signal);
    await fabric.refresh(signal);
    expect(statSync(first.socketDir).mode & 0o777).toBe(0o700);
    expect(join(first.socketDir, '65535').length).toBeLessThanOrEqual(sandbox.runDir.length + '/n/1/65535'.length);

    const firsts: (string | undefined)[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const [chosen = ''] = await fabric.resolve(web, 'api', signal);
      await fabric.authorize(web, chosen, 80, signal);
      firsts.push(chosen);
    }
    expect(firsts).toEqual([first.address, second.address, first.address, second.address]);
    expect(await fabric.authorize(web, first.address, 80, signal)).toEqual({
      to: 'refused',
      errno: 'ECONNREFUSED',
      reason: 'web#1 cannot connect to api#1 port 80: it does not listen there',
    });
    await fabric.setListening(api, 80, true, signal);
    const verdict = await fabric.authorize(web, first.address, 80, signal);
    expect(verdict).toMatchObject({ to: 'unix', path: join(first.socketDir, '80') });
    expect(verdict).toHaveProperty('hello', expect.stringMatching(new RegExp(`^${attached.address} \\d+\n$`)));
    await fabric.setListening(api, 80, false, signal);
    expect(await fabric.authorize(web, first.address, 80, signal)).toMatchObject({ errno: 'ECONNREFUSED' });

    await fabric.detach(api, signal);
    expect(await fabric.resolve(web, 'api', signal)).toEqual([second.address]);
    expect(existsSync(first.socketDir)).toBe(false);
    expect(sandbox.engineAsked).toBe(0);
  });

  test('an instance has the same address again, also in the next supervisor', async ({ expect }) => {
    const service = wasm('web');
    const addresses: string[] = [];
    for (let round = 0; round < 2; round++) {
      await using sandbox = new Sandbox([service]);
      for (let turn = 0; turn < 2; turn++) {
        addresses.push((await sandbox.fabric.attach(web, service, signal)).address);
        await sandbox.fabric.detach(web, signal);
      }
    }
    expect(new Set(addresses).size).toBe(1);
    expect(addresses[0]).toMatch(/^198\.1[89]\./);
  });

  test('127.0.0.1 is the instance itself', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service]);
    const { socketDir } = await sandbox.fabric.attach(web, service, signal);
    expect(await sandbox.fabric.authorize(web, '127.0.0.1', 80, signal)).toMatchObject({ errno: 'ECONNREFUSED' });
    await sandbox.fabric.setListening(web, 80, true, signal);
    expect(await sandbox.fabric.authorize(web, '127.0.0.1', 80, signal)).toMatchObject({ path: join(socketDir, '80') });
  });

  test('sockets that a killed supervisor left are gone when the directory is used again', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service]);
    const left = join(sandbox.runDir, 'n/0/8080');
    mkdirSync(join(left, '..'), { recursive: true });
    writeFileSync(left, '');
    const { socketDir } = await sandbox.fabric.attach(web, service, signal);
    expect(left.startsWith(socketDir)).toBe(true);
    expect(existsSync(left)).toBe(false);
  });
});

describe('relays', () => {
  test('there is one only where a container or an external network can see the service', async ({ expect }) => {
    const services = [
      wasm('web', ['front', 'back', 'alone', 'shared']),
      container('db', ['back']),
      wasm('api', ['front', 'alone']),
    ];
    await using sandbox = new Sandbox(services, { shared: { external: true, name: 'company' } });
    for (const id of [web, api]) {
      const service = services.find((one) => id.startsWith(one.name));
      if (service?.kind === 'wasm') await sandbox.fabric.attach(id, service, signal);
    }
    expect(sandbox.engine.relayNames).toEqual(['demo-web-1']);
    const relay = sandbox.engine.byName('demo-web-1');
    expect(relay.body).toMatchObject({ HostConfig: { NetworkMode: 'demo_back' } });
    expect(relay.networks).toEqual(['company']);
  });

  test('carries the names of the service, may do nothing else, and is labelled as the project', async ({ expect }) => {
    const service = wasm('web', [{ network: 'default', aliases: ['shop', 'web'] }], { containerName: 'the-web' });
    await using sandbox = new Sandbox([service, container('db')]);
    const { socketDir } = await sandbox.fabric.attach(web, service, signal);
    expect(sandbox.engine.byName('the-web').body).toMatchObject({
      User: `${process.getuid?.()}:${process.getgid?.()}`,
      OpenStdin: true,
      StdinOnce: true,
      Labels: {
        'com.docker.compose.project': 'demo',
        'com.docker.compose.service': 'web',
        'com.docker.compose.container-number': '1',
        'dev.wcompose.kind': 'relay',
      },
      HostConfig: {
        AutoRemove: true,
        CapDrop: ['ALL'],
        ReadonlyRootfs: true,
        LogConfig: { Type: 'none' },
        Mounts: [{ Type: 'bind', Source: socketDir, ReadOnly: true }],
      },
      NetworkingConfig: { EndpointsConfig: { demo_default: { Aliases: ['web', 'the-web', 'shop'] } } },
    });
  });

  test('the image is loaded once', async ({ expect }) => {
    const services = [wasm('web'), wasm('api'), container('db')] as const;
    await using sandbox = new Sandbox(services);
    await sandbox.fabric.attach(web, services[0], signal);
    await sandbox.fabric.attach(api, services[1], signal);
    expect(sandbox.engine.calls.filter((call) => call === 'loadImage')).toHaveLength(1);
  });

  test('listens exactly while the instance does', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    await sandbox.fabric.attach(web, service, signal);
    const relay = sandbox.engine.byName('demo-web-1');
    await sandbox.fabric.setListening(web, 80, true, signal);
    await sandbox.fabric.setListening(web, 80, true, signal);
    await sandbox.fabric.setListening(web, 443, true, signal);
    expect([...relay.listening]).toEqual(['* 80', '* 443']);
    await sandbox.fabric.setListening(web, 80, false, signal);
    expect([...relay.listening]).toEqual(['* 443']);
  });

  test('a port the relay cannot have is an error that names the service', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    await sandbox.fabric.attach(web, service, signal);
    sandbox.engine.refuseListen = 'EADDRINUSE';
    await expect(sandbox.fabric.setListening(web, 80, true, signal)).rejects.toThrow(
      'containers cannot connect to web#1: its relay says EADDRINUSE',
    );
  });

  test('one that dies is made anew, with the ports of now, and both are said', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric, notices } = sandbox;
    await fabric.attach(web, service, signal);
    await fabric.setListening(web, 80, true, signal);
    await fabric.setListening(web, 81, true, signal);
    let failures = 2;
    engine.fail = (call) =>
      call === 'createContainer' && failures-- > 0 ? new WcError('ERR_ENGINE_UNREACHABLE', 'no Engine') : undefined;
    engine.kill('demo-web-1');
    await until(() => notices.length > 0);
    // While there is none, the instance goes on; the next one learns of it.
    await fabric.setListening(web, 80, false, signal);
    await until(() => notices.length === 3);
    await until(() => engine.byName('demo-web-1').listening.size > 0);
    expect([...engine.byName('demo-web-1').listening]).toEqual(['* 81']);
    expect(notices).toEqual([
      'the relay of web#1 ended (its connection ended); starting it again',
      'the relay of web#1 cannot be started: no Engine',
      'the relay of web#1 runs again',
    ]);
  });

  test('one that somebody disconnected from its network is made anew', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric, notices } = sandbox;
    await fabric.attach(web, service, signal);
    await fabric.setListening(web, 80, true, signal);
    const before = engine.byName('demo-web-1');
    await fabric.removeStaleRelays(signal);
    expect(engine.byName('demo-web-1')).toBe(before);
    before.cutOff = true;
    await fabric.removeStaleRelays(signal);
    await until(() => notices.length === 2);
    expect(engine.byName('demo-web-1')).not.toBe(before);
    await until(() => engine.byName('demo-web-1').listening.size > 0);
  });

  test('a refresh, a detach and an attach at once end with what the last one wants', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric } = sandbox;
    const attached = fabric.attach(web, service, signal);
    await Promise.all([attached, fabric.refresh(signal), fabric.refresh(signal)]);
    expect(engine.calls.filter((call) => call === 'createContainer')).toHaveLength(1);
    await Promise.all([fabric.detach(web, signal), fabric.refresh(signal), fabric.detach(web, signal)]);
    expect(engine.relayNames).toEqual([]);
    await fabric.attach(web, service, signal);
    expect(engine.relayNames).toEqual(['demo-web-1']);
  });

  test('detaching while it is being replaced leaves none', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric } = sandbox;
    await fabric.attach(web, service, signal);
    engine.kill('demo-web-1');
    await until(() => sandbox.notices.length > 0);
    await fabric.detach(web, signal);
    await tick();
    expect(engine.relayNames).toEqual([]);
  });

  test('what a supervisor left goes before the first new one, by name or not', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric } = sandbox;
    await engine.createContainer('demo-web-1', {}, signal);
    await engine.createContainer('demo-gone-1', {}, signal);
    await fabric.attach(web, service, signal);
    expect(engine.relayNames).toEqual(['demo-web-1']);
    expect(engine.byName('demo-web-1').running).toBe(true);
    await engine.createContainer('demo-old-1', {}, signal);
    await fabric.removeStaleRelays(signal);
    expect(engine.relayNames).toEqual(['demo-web-1']);
  });

  test('follows the project: the first container on a network brings one, the last takes it away', async ({
    expect,
  }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service]);
    const { engine, fabric } = sandbox;
    await fabric.attach(web, service, signal);
    await fabric.setListening(web, 80, true, signal);
    fabric.setProject(project([service, container('db')]));
    await fabric.refresh(signal);
    expect([...engine.byName('demo-web-1').listening]).toEqual(['* 80']);
    await fabric.refresh(signal);
    expect(engine.calls.filter((call) => call === 'createContainer')).toHaveLength(1);
    fabric.setProject(project([service]));
    await fabric.refresh(signal);
    expect(engine.relayNames).toEqual([]);
  });

  const steps = ['info', 'hasImage', 'loadImage', 'createContainer', 'connectNetwork', 'attach', 'startContainer'];
  for (const step of steps) {
    test(`a failure of ${step} fails the attach and leaves nothing`, async ({ expect }) => {
      const service = wasm('web', ['one', 'two']);
      await using sandbox = new Sandbox([service, container('db', ['one', 'two'])]);
      const { engine, fabric, runDir } = sandbox;
      engine.fail = (call) => (call === step ? new WcError('ERR_ENGINE_REFUSED', `${step} failed`) : undefined);
      await expect(fabric.attach(web, service, signal)).rejects.toThrow(`${step} failed`);
      expect(engine.relayNames).toEqual([]);
      expect(existsSync(join(runDir, 'n/0'))).toBe(false);
      engine.fail = () => undefined;
      await fabric.attach(web, service, signal);
      expect(engine.relayNames).toEqual(['demo-web-1']);
    });
  }

  test('with unix sockets forced an Engine elsewhere has none: said once, and its containers are refused', async ({
    expect,
  }) => {
    const services = [wasm('web'), wasm('api'), container('db')] as const;
    await using sandbox = new Sandbox(services, {}, 'unix');
    const { engine, fabric, notices } = sandbox;
    engine.infoNow = { arch: 'arm64', native: false, rootless: false };
    engine.subnetsNow = { demo_default: ['172.18.0.0/16'] };
    await fabric.attach(web, services[0], signal);
    await fabric.attach(api, services[1], signal);
    expect(engine.relayNames).toEqual([]);
    expect(notices).toHaveLength(1);
    const verdict = await fabric.authorize(web, '172.18.0.5', 5432, signal);
    expect(verdict).toMatchObject({ to: 'refused', errno: 'ENETUNREACH' });
    expect(verdict).toHaveProperty('reason', expect.stringContaining('does not run on this machine itself'));
  });

  test('disposing ends all relays and the directory of sockets', async ({ expect }) => {
    const services = [wasm('web'), wasm('api'), container('db')] as const;
    const sandbox = new Sandbox(services);
    await sandbox.fabric.attach(web, services[0], signal);
    await sandbox.fabric.attach(api, services[1], signal);
    await sandbox.fabric[Symbol.asyncDispose]();
    expect(sandbox.engine.relayNames).toEqual([]);
    expect(existsSync(join(sandbox.runDir, 'n'))).toBe(false);
    await sandbox[Symbol.asyncDispose]();
  });
});

describe('names', () => {
  test('of a container that has just come are found without being told', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric } = sandbox;
    await fabric.attach(web, service, signal);
    expect(await fabric.resolve(web, 'db', signal)).toEqual([]);
    engine.endpointsNow = [{ network: 'demo_default', address: '172.18.0.2', names: ['db', 'demo-db-1'] }];
    await fabric.refresh(signal);
    expect(await fabric.resolve(web, 'db', signal)).toEqual(['172.18.0.2']);
    expect(await fabric.resolve(web, 'Demo-DB-1.', signal)).toEqual(['172.18.0.2']);
    expect(await fabric.authorize(web, '172.18.0.2', 5432, signal)).toEqual({
      to: 'tcp',
      host: '172.18.0.2',
      port: 5432,
    });
  });

  test('an address on a network that has just come is looked at again', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service, container('db')]);
    const { engine, fabric, notices } = sandbox;
    await fabric.attach(web, service, signal);
    expect(await fabric.authorize(web, '198.18.9.9', 80, signal)).toMatchObject({ errno: 'EHOSTUNREACH' });
    // As if a network had the range: what matters is that it is read again.
    engine.subnetsNow = { demo_default: ['198.18.9.0/24'] };
    fabric.setProject(project([service, container('db')]));
    expect(await fabric.authorize(web, '198.18.9.9', 80, signal)).toMatchObject({ to: 'tcp' });
    fabric.setProject(project([service, container('db')]));
    engine.fail = () => new WcError('ERR_ENGINE_UNREACHABLE', 'no Engine');
    expect(await fabric.authorize(web, '198.18.9.10', 80, signal)).toMatchObject({ to: 'tcp' });
    expect(await fabric.authorize(web, '198.18.1.1', 80, signal)).toMatchObject({ errno: 'EHOSTUNREACH' });
    expect(notices[0]).toContain('the Docker Engine does not answer: no Engine');
    expect(await fabric.resolve(web, 'db', signal)).toEqual([]);
    engine.fail = () => undefined;
  });

  test('of services are never asked outside, others only where there is a way out', async ({ expect }) => {
    const services = [wasm('web', ['inner']), wasm('api', ['outer']), container('db', ['other'])] as const;
    await using sandbox = new Sandbox(services, { inner: { internal: true } });
    const { fabric, asked } = sandbox;
    sandbox.outside = () => ['192.0.2.7'];
    await fabric.attach(web, services[0], signal);
    await fabric.attach(api, services[1], signal);
    expect(await fabric.resolve(web, 'example.com', signal)).toEqual([]);
    expect(await fabric.resolve(api, 'db', signal)).toEqual([]);
    expect(await fabric.resolve(api, 'web', signal)).toEqual([]);
    expect(asked).toEqual([]);
    expect(await fabric.resolve(api, 'Example.com.', signal)).toEqual(['192.0.2.7']);
    expect(asked).toEqual(['example.com']);
  });

  test('outside may be unanswered: no name then, and it is said', async ({ expect }) => {
    const service = wasm('web');
    await using sandbox = new Sandbox([service]);
    sandbox.outside = () => {
      throw new Error('queryA ETIMEOUT example.com');
    };
    await sandbox.fabric.attach(web, service, signal);
    for (let turn = 0; turn < 3; turn++) {
      expect(await sandbox.fabric.resolve(web, 'example.com', signal)).toEqual([]);
    }
    expect(sandbox.notices).toEqual([
      'web#1 asks for example.com, and no name server answers: queryA ETIMEOUT example.com',
    ]);
  });

  test('of `outbound` are the only ones asked, and only their answers may be connected to', async ({ expect }) => {
    const service = wasm('web', ['default'], { outbound: ['api.example.com:443'] });
    await using sandbox = new Sandbox([service]);
    const { fabric } = sandbox;
    sandbox.outside = () => ['192.0.2.7'];
    await fabric.attach(web, service, signal);
    expect(await fabric.authorize(web, '192.0.2.7', 443, signal)).toMatchObject({ errno: 'EACCES' });
    expect(await fabric.resolve(web, 'other.example.com', signal)).toEqual([]);
    expect(await fabric.resolve(web, 'api.example.com', signal)).toEqual(['192.0.2.7']);
    expect(await fabric.authorize(web, '192.0.2.7', 443, signal)).toMatchObject({ to: 'tcp' });
    expect(await fabric.authorize(web, '192.0.2.7', 80, signal)).toMatchObject({ errno: 'EACCES' });
  });

  test('of extra_hosts come first; host-gateway is the loopback of the host', async ({ expect }) => {
    const extraHosts = { api: ['192.0.2.1', '::1'], host: ['host-gateway'] };
    const services = [wasm('web', ['default'], { extraHosts }), wasm('api')] as const;
    await using sandbox = new Sandbox(services);
    const { fabric } = sandbox;
    const { hostsFile, address } = await fabric.attach(web, services[0], signal);
    await fabric.attach(api, services[1], signal);
    expect(await fabric.resolve(web, 'api', signal)).toEqual(['192.0.2.1']);
    expect(await fabric.resolve(web, 'host', signal)).toEqual([HOST_GATEWAY]);
    expect(await fabric.authorize(web, HOST_GATEWAY, 5432, signal)).toEqual({
      to: 'tcp',
      host: '127.0.0.1',
      port: 5432,
    });
    expect(await fabric.authorize(api, HOST_GATEWAY, 5432, signal)).toMatchObject({ errno: 'EACCES' });
    expect(hostsFile).toBe(`127.0.0.1\tlocalhost\n192.0.2.1\tapi\n::1\tapi\n${HOST_GATEWAY}\thost\n${address}\tweb\n`);
  });
});

test("with the host's network a port of the instance's own wins over one of the host", async ({ expect }) => {
  const service = wasm('web', [], { networkMode: 'host' });
  await using sandbox = new Sandbox([service]);
  const { socketDir } = await sandbox.fabric.attach(web, service, signal);
  expect(await sandbox.fabric.authorize(web, '127.0.0.1', 80, signal)).toMatchObject({ to: 'tcp', host: '127.0.0.1' });
  await sandbox.fabric.setListening(web, 80, true, signal);
  expect(await sandbox.fabric.authorize(web, '127.0.0.1', 80, signal)).toMatchObject({ path: join(socketDir, '80') });
});

test('published ports are for the worker, of both protocols', async ({ expect }) => {
  const port = { target: 80, hostIp: '127.0.0.1', protocol: 'tcp', source: wasm('x').source } as const;
  const service = wasm('web', ['default'], {
    ports: [
      { ...port, published: 8080 },
      { ...port, protocol: 'udp' },
    ],
  });
  await using sandbox = new Sandbox([service]);
  expect((await sandbox.fabric.attach(web, service, signal)).published).toEqual([
    { protocol: 'tcp', hostIp: '127.0.0.1', published: 8080, target: 80 },
    { protocol: 'udp', hostIp: '127.0.0.1', published: 0, target: 80 },
  ]);
});

describe('datagrams', () => {
  const door = { port: 4444, key: '00'.repeat(16) };

  test('go by the same rule as connections: to doors of instances, to containers, outside, or nowhere', async ({
    expect,
  }) => {
    const services = [wasm('web'), wasm('api'), wasm('far', ['other']), container('db')] as const;
    await using sandbox = new Sandbox(services);
    const { engine, fabric, notices } = sandbox;
    engine.subnetsNow = { demo_default: ['172.18.0.0/16'] };
    const far = instanceId('far', 1);
    const to: Record<string, string> = {};
    for (const [id, service] of [
      [web, services[0]],
      [api, services[1]],
      [far, services[2]],
    ] as const) {
      to[id] = (await fabric.attach(id, service, signal)).address;
    }
    const ask = async (address: string, port = 53): Promise<unknown> =>
      await fabric.authorizeDatagram(web, address, port, signal);
    expect(await ask(to[api] ?? '')).toMatchObject({ to: 'refused', errno: 'ECONNREFUSED' });
    fabric.setDatagramDoor(api, 53, door);
    expect(await ask(to[api] ?? '')).toEqual({ to: 'door', door });
    expect(notices).toEqual(['containers cannot send datagrams to api#1 port 53: its relay carries connections only']);
    fabric.setDatagramDoor(api, 53, undefined);
    expect(await ask(to[api] ?? '')).toMatchObject({ errno: 'ECONNREFUSED' });
    expect(await ask(to[far] ?? '')).toMatchObject({ errno: 'EHOSTUNREACH' });
    expect(await ask('172.18.0.5', 123)).toEqual({ to: 'udp', host: '172.18.0.5', port: 123 });
    expect(await ask('192.0.2.7', 123)).toEqual({ to: 'udp', host: '192.0.2.7', port: 123 });
    expect(await ask('169.254.169.254', 53)).toMatchObject({ errno: 'EACCES' });
    expect(await ask('224.0.0.251', 5353)).toMatchObject({ errno: 'EACCES' });
    expect(await ask('255.255.255.255', 67)).toMatchObject({ errno: 'EACCES' });
  });

  test('to containers need an Engine on this machine: the relays carry none', async ({ expect }) => {
    const services = [wasm('web'), container('db')] as const;
    await using sandbox = new Sandbox(services, {}, 'mux');
    sandbox.engine.subnetsNow = { demo_default: ['172.18.0.0/16'] };
    await sandbox.fabric.attach(web, services[0], signal);
    const verdict = await sandbox.fabric.authorizeDatagram(web, '172.18.0.5', 53, signal);
    expect(verdict).toMatchObject({ errno: 'ENETUNREACH', reason: expect.stringContaining('relays carry none') });
  });
});

test('a fixed address is kept, and the relay gets it in the Engine too', async ({ expect }) => {
  const on = [{ network: 'plain' }, { network: 'shared', ipv4Address: '10.9.0.5' }];
  const service = wasm('web', on);
  await using sandbox = new Sandbox([service, container('db', ['plain'])], { shared: { external: true, name: 'lan' } });
  const { address } = await sandbox.fabric.attach(web, service, signal);
  expect(address).toBe('10.9.0.5');
  expect(sandbox.engine.byName('demo-web-1').body).toMatchObject({
    HostConfig: { NetworkMode: 'lan' },
    NetworkingConfig: { EndpointsConfig: { lan: { IPAMConfig: { IPv4Address: '10.9.0.5' } } } },
  });
  expect(sandbox.engine.byName('demo-web-1').networks).toEqual(['demo_plain']);
});
