import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import type { SourceRef } from '../../../src/model/diagnostic.ts';
import { projectName } from '../../../src/model/ids.ts';
import type { ContainerService } from '../../../src/model/project.ts';
import { createContainerRuntime } from '../../../src/runtime/container/driver.ts';
import { inspect } from '../../../src/runtime/container/containers.ts';
import { listVolumes, removeVolume } from '../../../src/runtime/container/volumes.ts';
import { here, mount, network } from '../../plan/fixtures.ts';
import { BUSYBOX, docker, eventually, Sandbox } from './sandbox.ts';

function at(line: number): SourceRef {
  return { ...here, line };
}

async function listen(port = 0): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function published(port: number): Partial<ContainerService> {
  return {
    networkMode: undefined,
    ports: [{ target: 80, published: port, hostIp: '127.0.0.1', protocol: 'tcp', source: at(7) }],
  };
}

describe('a container of a service', () => {
  test('runs what the file says, and stops with its status', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const service = sandbox.shell('web', 'trap "exit 7" TERM; echo $A $B > /tmp/out; while :; do sleep 0.05; done', {
      environment: { A: '1', B: null },
      engine: { hostname: 'here', ulimits: { nofile: { soft: 100, hard: 200 } }, shm_size: '2m' },
    });
    const handle = await sandbox.run(service);
    const env = async (): Promise<string> => (await docker('exec', handle, 'cat', '/tmp/out')).stdout;
    await eventually(async () => expect(await env()).toBe('1'));
    expect((await docker('exec', handle, 'hostname')).stdout).toBe('here');
    expect((await docker('exec', handle, 'cat', '/proc/1/limits')).stdout).toMatch(/Max open files +100 +200 /);
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(seen).toMatchObject({
      id: 'web#1',
      service: 'web',
      kind: 'container',
      handle,
      name: `${sandbox.project}-web-1`,
      image: BUSYBOX,
      configHash: 'h1',
      state: { at: 'running', health: 'none' },
      restarts: 0,
    });
    expect(await sandbox.runtime.stop(handle, 5_000, sandbox.signal)).toEqual({ how: 'code', code: 7 });
    expect(await sandbox.runtime.stop(handle, 5_000, sandbox.signal)).toEqual({ how: 'code', code: 7 });
    await sandbox.runtime.remove(handle, sandbox.signal);
    await sandbox.runtime.remove(handle, sandbox.signal);
    expect(await sandbox.runtime.observe(sandbox.project, sandbox.signal)).toEqual([]);
    expect(await sandbox.runtime.stop(handle, 0, sandbox.signal)).toMatchObject({ how: 'lost' });
  });

  test('is stopped by force when it does not heed the signal', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.shell('web', 'trap "" TERM; while :; do sleep 0.05; done'));
    expect(await sandbox.runtime.stop(handle, 100, sandbox.signal)).toEqual({ how: 'code', code: 137 });
  });

  test('starting it again while it runs is no error', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.service('web', ['sleep', '60']));
    await sandbox.runtime.start(handle, sandbox.signal);
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(seen?.state.at).toBe('running');
  });

  test('is healthy when its test says so', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const events = sandbox.events();
    const healthcheck = { probe: { type: 'shell', command: 'true' }, intervalMs: 100 } as const;
    const handle = await sandbox.run(sandbox.service('web', ['sleep', '60'], { healthcheck }));
    await eventually(() =>
      expect(events).toContainEqual(expect.objectContaining({ type: 'health', health: 'healthy', handle })),
    );
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(seen?.state).toMatchObject({ at: 'running', health: 'healthy' });
  });

  test('publishes a port on any free one of the host, and says which', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('default', { internal: false })];
    const service = sandbox.service('web', ['sleep', '60'], {
      networkMode: undefined,
      ports: [{ target: 80, hostIp: '127.0.0.1', protocol: 'tcp', source: here }],
    });
    await sandbox.run(service, { networks });
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(seen?.ports).toEqual([{ hostIp: '127.0.0.1', published: expect.any(Number), target: 80, protocol: 'tcp' }]);
    expect(seen?.ports[0]?.published).toBeGreaterThan(0);
  });

  test('is on all its networks, by its names, also where the key is not the name', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [
      await sandbox.network('front'),
      await sandbox.network('back', { name: `${sandbox.project}-other` }),
    ];
    const service = sandbox.service('web', ['sleep', '60'], {
      networkMode: undefined,
      networks: [
        { network: 'front', aliases: ['www'] },
        { network: 'back', aliases: [] },
      ],
    });
    const handle = await sandbox.run(service, { networks });
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(Object.keys(seen?.addresses ?? {}).toSorted()).toEqual(['back', 'front']);
    const client = sandbox.service('client', ['sleep', '60'], { networkMode: undefined });
    const from = await sandbox.run(client, { networks: networks.slice(0, 1) });
    for (const name of ['web', 'www', `${sandbox.project}-web-1`]) {
      const { stdout } = await docker('exec', from, 'nslookup', name);
      expect(stdout).toContain(seen?.addresses['front']);
    }
    expect(Object.keys(seen?.connected ?? {}).toSorted()).toEqual(networks.map(({ name }) => name).toSorted());
    await docker('network', 'disconnect', `${sandbox.project}-other`, handle);
    const now = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    const left = now.find((one) => one.service === 'web')?.connected ?? {};
    expect(Object.keys(left)).toEqual(networks.slice(0, 1).map(({ name }) => name));
  });

  test('is taken by the Engine with all the attributes that this machine can have', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('default')];
    const engine = {
      annotations: { a: 'b' },
      cap_add: ['SYS_TIME'],
      cap_drop: ['ALL'],
      cgroup: 'private',
      cpu_shares: 512,
      cpus: 0.5,
      cpuset: '0',
      device_cgroup_rules: ['c 1:3 mr'],
      devices: ['/dev/null:/dev/nothing:r'],
      dns: ['10.0.0.53'],
      dns_opt: ['use-vc'],
      dns_search: ['example.com'],
      domainname: 'example.com',
      group_add: ['1001'],
      hostname: 'here',
      init: true,
      ipc: 'private',
      isolation: 'default',
      logging: { driver: 'json-file', options: { 'max-size': '10m' } },
      mac_address: '02:42:ac:11:65:43',
      mem_reservation: '16m',
      oom_score_adj: 500,
      pids_limit: 50,
      privileged: false,
      read_only: true,
      runtime: 'runc',
      security_opt: ['no-new-privileges:true'],
      shm_size: '2m',
      stdin_open: true,
      sysctls: { 'net.core.somaxconn': 512 },
      tmpfs: ['/scratch:size=1m'],
      tty: true,
      ulimits: { nproc: 100 },
      userns_mode: 'host',
    };
    const service = sandbox.service('web', ['sleep', '60'], {
      networkMode: undefined,
      memoryBytes: 33_554_432,
      engine,
    });
    const handle = await sandbox.run(service, { networks });
    const script = [
      'hostname -f',
      'cat /sys/class/net/eth0/address /proc/sys/net/core/somaxconn',
      'grep -c "^nameserver" /etc/resolv.conf',
      'test -e /dev/nothing && echo device',
      'touch /scratch/x && echo scratch',
      'touch /x 2>/dev/null || echo read-only',
      "df -k /dev/shm | tail -n 1 | awk '{ print $2 }'",
      'id -G',
    ].join('; ');
    expect((await docker('exec', handle, 'sh', '-c', script)).stdout).toBe(
      ['here.example.com', '02:42:ac:11:65:43', '512', '1', 'device', 'scratch', 'read-only', '2048', '0 1001'].join(
        '\n',
      ),
    );
  });

  test('is made anew when its image has changed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const tag = `localhost/${sandbox.project}:1`;
    await docker('tag', BUSYBOX, tag);
    try {
      const handle = await sandbox.create({ ...sandbox.service('web', ['true']), image: tag });
      const changed = async (): Promise<boolean | undefined> =>
        (await sandbox.runtime.observe(sandbox.project, sandbox.signal))[0]?.imageChanged;
      expect(await changed()).toBe(false);
      await docker('commit', handle, tag);
      expect(await changed()).toBe(true);
    } finally {
      await docker('rmi', '-f', tag);
    }
  });
});

describe('what belongs to others', () => {
  test('another project is not seen, nor what is no instance', async ({ expect }) => {
    await using mine = await Sandbox.open();
    await using other = await Sandbox.open();
    await other.create(other.service('web', ['true']));
    const label = `com.docker.compose.project=${mine.project}`;
    for (const extra of [
      ['com.docker.compose.service=web', 'com.docker.compose.oneoff=True'],
      ['com.docker.compose.service=web', 'dev.wcompose.kind=relay'],
      [],
    ]) {
      await docker('create', ...[label, ...extra].flatMap((one) => ['--label', one]), BUSYBOX, 'true');
    }
    expect(await mine.runtime.observe(mine.project, mine.signal)).toEqual([]);
  });

  test('a name that is taken is an error, and the other container stays', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const name = `${sandbox.project}-web-1`;
    const { stdout: other } = await docker('create', '--name', name, BUSYBOX, 'true');
    try {
      await expect(sandbox.create(sandbox.service('web', ['true']))).rejects.toMatchObject({
        code: 'ERR_NAME_TAKEN',
        message: expect.stringContaining(name),
        source: here,
      });
      await expect(sandbox.runtime.remove(other, sandbox.signal)).rejects.toMatchObject({ code: 'ERR_NOT_OURS' });
      expect(await inspect(sandbox.engine, other, sandbox.signal)).toBeDefined();
    } finally {
      await docker('rm', '-f', other);
    }
  });
});

describe('what the Engine refuses', () => {
  test('a port that another container has: which one, and where the file says so', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('default', { internal: false })];
    const { port } = await freePort();
    await sandbox.run(sandbox.service('first', ['sleep', '60'], published(port)), { networks });
    await expect(
      sandbox.run(sandbox.service('second', ['sleep', '60'], published(port)), { networks }),
    ).rejects.toMatchObject({
      code: 'ERR_PORT_IN_USE',
      message: `cannot start container ${sandbox.project}-second-1: 127.0.0.1:${port} is in use by container ${sandbox.project}-first-1`,
      source: at(7),
    });
  });

  test('a port that a program has', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('default', { internal: false })];
    await using program = await listen();
    const service = sandbox.service('web', ['sleep', '60'], published(program.port));
    await expect(sandbox.run(service, { networks })).rejects.toMatchObject({
      code: 'ERR_PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${program.port} is in use by another program`),
      source: at(7),
    });
  });

  const refusals: readonly (readonly [string, (sandbox: Sandbox) => Promise<unknown>, object])[] = [
    [
      'an image that is not there',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['true'], { image: 'nosuch/image:1' })),
      { code: 'ERR_IMAGE_NOT_FOUND', message: 'image nosuch/image:1 is not on the Engine', source: here },
    ],
    [
      'a program that is not there',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['nosuchprogram'])),
      { code: 'ERR_COMMAND', source: here },
    ],
    [
      'a path that is not there',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['/no/such'])),
      { code: 'ERR_COMMAND', source: here },
    ],
    [
      'a file that is no program',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['/etc/passwd'])),
      { code: 'ERR_COMMAND', source: here },
    ],
    [
      'a user that the image does not have',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['true'], { user: 'nobodyknows' })),
      { code: 'ERR_COMMAND', source: here },
    ],
    [
      'a network that is not there',
      async (sandbox) =>
        await sandbox.run(sandbox.service('web', ['true'], { networkMode: undefined }), {
          networks: [network('gone')],
        }),
      { code: 'ERR_NETWORK', message: 'network demo_gone does not exist', source: here },
    ],
    [
      'a directory that is not there',
      async (sandbox) => {
        const spec = mount('/no/such/dir', '/data', { type: 'bind', origin: at(9) });
        const service = sandbox.service('web', ['true'], { mounts: [spec] });
        return await sandbox.run(service, { mounts: [{ spec, hostPath: spec.source }] });
      },
      { code: 'ERR_MOUNT', message: 'bind source path does not exist: /no/such/dir', source: at(9) },
    ],
    [
      'a directory on a file',
      async (sandbox) => {
        const spec = mount('/tmp', '/etc/passwd', { type: 'bind', origin: at(9) });
        const service = sandbox.service('web', ['true'], { mounts: [spec] });
        return await sandbox.run(service, { mounts: [{ spec, hostPath: spec.source }] });
      },
      { code: 'ERR_MOUNT', source: at(9) },
    ],
    [
      'a name that is no image',
      async (sandbox) => await sandbox.run(sandbox.service('web', ['true'], { image: 'Not An Image' })),
      { code: 'ERR_COMPOSE_INVALID', message: 'not the name of an image: Not An Image' },
    ],
  ];
  for (const [what, run, expected] of refusals) {
    test(what, async ({ expect }) => {
      await using sandbox = await Sandbox.open();
      await expect(run(sandbox)).rejects.toMatchObject(expected);
    });
  }

  test('a container that cannot join all its networks is not left behind', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('front'), await sandbox.network('back')];
    const spec = mount('', '/data', { origin: here });
    const service = sandbox.service('web', ['true'], {
      networkMode: undefined,
      mounts: [spec],
      networks: [
        { network: 'front', aliases: [] },
        { network: 'back', aliases: [], ipv4Address: 'nonsense' },
      ],
    });
    await expect(sandbox.create(service, { networks, mounts: [{ spec }] })).rejects.toMatchObject({
      code: 'ERR_ENGINE_REFUSED',
      message: expect.stringMatching(/^cannot create container .*-web-1: the Engine says: ./),
    });
    expect(await sandbox.runtime.observe(sandbox.project, sandbox.signal)).toEqual([]);
    expect(await listVolumes(sandbox.engine, sandbox.project, sandbox.signal)).toEqual([]);
  });
});

describe('volumes that nobody named', () => {
  const spec = mount('', '/data');
  const mounts = [{ spec }];

  test("go from a container to the one that takes its place, and are the project's", async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const write = sandbox.shell('db', 'echo precious > /data/file', { mounts: [spec] });
    const first = await sandbox.run(write, { mounts });
    await sandbox.ended(first);
    await sandbox.runtime.remove(first, sandbox.signal);
    const second = await sandbox.run(sandbox.service('db', ['sleep', '60'], { mounts: [spec] }), { mounts });
    expect((await docker('exec', second, 'cat', '/data/file')).stdout).toBe('precious');
    const volumes = await listVolumes(sandbox.engine, sandbox.project, sandbox.signal);
    expect(volumes).toHaveLength(1);
    await sandbox.runtime.remove(second, sandbox.signal);
    for (const { name } of volumes) await removeVolume(sandbox.engine, name, sandbox.signal);
    expect(await listVolumes(sandbox.engine, sandbox.project, sandbox.signal)).toEqual([]);
  });

  test('another process begins with a new one', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const service = sandbox.service('db', ['true'], { mounts: [spec] });
    const first = await sandbox.create(service, { mounts });
    await sandbox.runtime.remove(first, sandbox.signal);
    const later = createContainerRuntime(sandbox.engine);
    await later.create(sandbox.request(service, { mounts }), sandbox.signal);
    expect(await listVolumes(sandbox.engine, sandbox.project, sandbox.signal)).toHaveLength(2);
  });

  test('of the image: made unless the file mounts something there', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const dir = mkdtempSync(join(tmpdir(), 'wc-image-'));
    const image = `localhost/${sandbox.project}:volumes`;
    writeFileSync(join(dir, 'Dockerfile'), `FROM ${BUSYBOX}\nVOLUME ["/a", "/b", "/c/"]\n`);
    await docker('build', '-q', '-t', image, dir);
    try {
      const tmp = { spec: mount('', '/a', { type: 'tmpfs' }) };
      const bind = { spec: mount(dir, '/c', { type: 'bind' }), hostPath: dir };
      const service = sandbox.service('db', ['true'], { image, mounts: [tmp.spec, bind.spec] });
      const handle = await sandbox.create(service, { mounts: [tmp, bind] });
      const made = await inspect(sandbox.engine, handle, sandbox.signal);
      expect(made?.Mounts.filter((one) => one.Type === 'volume').map((one) => one.Destination)).toEqual(['/b']);
      expect(await listVolumes(sandbox.engine, sandbox.project, sandbox.signal)).toHaveLength(1);
      await sandbox.runtime.remove(handle, sandbox.signal);
    } finally {
      await docker('rmi', '-f', image);
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('what names another service', () => {
  test('its network, processes and volumes are those of its container', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const spec = mount('', '/data');
    const db = await sandbox.run(sandbox.shell('db', 'echo x > /data/file; exec sleep 60', { mounts: [spec] }), {
      mounts: [{ spec }],
    });
    const service = sandbox.shell('web', 'sleep 60', {
      networkMode: 'service:db',
      engine: { pid: 'service:db', ipc: 'host', volumes_from: ['db:ro'] },
    });
    const web = await sandbox.run(service);
    const found = (
      await docker('inspect', '-f', '{{.HostConfig.NetworkMode}} {{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}', web)
    ).stdout;
    expect(found).toBe(`container:${db} container:${db} host`);
    await eventually(async () => expect((await docker('exec', web, 'cat', '/data/file')).stdout).toBe('x'));
  });

  test('a linked service is found by the other name', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const networks = [await sandbox.network('default')];
    await sandbox.run(sandbox.service('db', ['sleep', '60'], { networkMode: undefined }), { networks });
    const client = sandbox.service('web', ['sleep', '60'], {
      networkMode: undefined,
      engine: { links: ['db:database'] },
    });
    const web = await sandbox.run(client, { networks });
    const all = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    const db = all.find((one) => one.service === 'db');
    expect((await docker('exec', web, 'nslookup', 'database')).stdout).toContain(db?.addresses['default']);
  });

  test('a service without a container is named', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await expect(sandbox.create(sandbox.service('web', ['true'], { networkMode: 'service:db' }))).rejects.toMatchObject(
      {
        code: 'ERR_COMPOSE_INVALID',
        message: 'web: cannot share network namespace with service db: container missing',
        source: { path: 'services.web.network_mode' },
      },
    );
  });

  test('a seccomp profile is read beside the file', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const workingDir = mkdtempSync(join(tmpdir(), 'wc-seccomp-'));
    try {
      writeFileSync(join(workingDir, 'profile.json'), '{ "defaultAction": "SCMP_ACT_ALLOW" }');
      const service = (path: string): ContainerService =>
        sandbox.service('web', ['true'], { engine: { security_opt: [`seccomp:${path}`, 'no-new-privileges:true'] } });
      const handle = await sandbox.run(service('./profile.json'), { workingDir });
      expect((await docker('inspect', '-f', '{{json .HostConfig.SecurityOpt}}', handle)).stdout).toBe(
        JSON.stringify(['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', 'no-new-privileges=true']),
      );
      await expect(sandbox.create(service('gone.json'), { workingDir })).rejects.toMatchObject({
        code: 'ERR_COMPOSE_INVALID',
        message: 'web: seccomp profile gone.json cannot be read',
      });
    } finally {
      rmSync(workingDir, { recursive: true, force: true });
    }
  });
});

describe('containers of docker compose', () => {
  test('are taken over by their labels', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const labels = [
      'project=' + sandbox.project,
      'service=web',
      'container-number=2',
      'oneoff=False',
      'config-hash=abc',
    ];
    const { stdout } = await docker(
      'create',
      ...labels.flatMap((label) => ['--label', `com.docker.compose.${label}`]),
      BUSYBOX,
      'true',
    );
    expect(await sandbox.runtime.observe(projectName(sandbox.project), sandbox.signal)).toMatchObject([
      { id: 'web#2', handle: stdout, configHash: 'abc', state: { at: 'created' } },
    ]);
  });
});

async function freePort(): Promise<{ readonly port: number }> {
  await using server = await listen();
  return { port: server.port };
}
