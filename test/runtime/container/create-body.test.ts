import { describe, test } from 'vitest';

import { instanceId, projectName, serviceName } from '../../../src/model/ids.ts';
import type { ContainerService, MountSpec, NetworkSpec } from '../../../src/model/project.ts';
import { planCreate } from '../../../src/runtime/container/create-body.ts';
import type { CreatePlan } from '../../../src/runtime/container/create-body.ts';
import type { CreateRequest, ResolvedMount } from '../../../src/runtime/runtime.ts';
import { LogCollector } from '../../fake/log-collector.ts';
import { container, here, mount, network } from '../../plan/fixtures.ts';

const front = network('front');
const back = network('back', { name: 'elsewhere' });
const both = {
  networks: [
    { network: 'front', aliases: ['www'] },
    { network: 'back', aliases: [], ipv4Address: '10.9.0.5' },
  ],
} as const;

function plan(
  service: Partial<ContainerService> = {},
  over: { readonly mounts?: readonly ResolvedMount[]; readonly networks?: readonly NetworkSpec[] } = {},
  severalNetworks = false,
): CreatePlan {
  const request: CreateRequest<ContainerService> = {
    id: instanceId('web', 2),
    project: projectName('shop'),
    service: container('web', service),
    index: 2,
    configHash: 'h1',
    mounts: over.mounts ?? [],
    networks: over.networks ?? [],
    workingDir: '/srv/shop',
    configFiles: ['/srv/shop/compose.yaml', '/srv/shop/compose.override.yaml'],
    logs: new LogCollector(),
  };
  return planCreate(request, severalNetworks);
}

function tmpfs(target: string, over: Partial<MountSpec> = {}): ResolvedMount {
  return { spec: mount('', target, { type: 'tmpfs', ...over }) };
}

const port = { hostIp: '', protocol: 'tcp', source: here } as const;

/** [what, service, expected part of the body] */
const BODIES: readonly (readonly [string, Partial<ContainerService>, object])[] = [
  ['the image is named as in the file', { image: 'nginx:1.29-alpine' }, { Image: 'nginx:1.29-alpine' }],
  ['a command is an argument list', { command: ['sh', '-c', 'true'] }, { Cmd: ['sh', '-c', 'true'] }],
  ['an entrypoint is an argument list', { entrypoint: ['/init'] }, { Entrypoint: ['/init'] }],
  ['an empty entrypoint clears that of the image', { entrypoint: [] }, { Entrypoint: [] }],
  ['user and working directory', { user: '1000:1000', workingDir: '/app' }, { User: '1000:1000', WorkingDir: '/app' }],
  ['a stop signal', { stopSignal: 'SIGQUIT' }, { StopSignal: 'SIGQUIT' }],
  ['the grace period in whole seconds, rounded up', { stopGraceMs: 1_500 }, { StopTimeout: 2 }],
  ['environment as lines', { environment: { A: '1', EMPTY: '' } }, { Env: ['A=1', 'EMPTY='] }],
  ['a variable without a value leaves that of the image', { environment: { A: null } }, { Env: [] }],
  [
    'a published port on all interfaces',
    { ports: [{ ...port, target: 80, published: 8080 }] },
    { ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } } },
  ],
  [
    'a port of one address and of UDP',
    { ports: [{ ...port, hostIp: '127.0.0.1', protocol: 'udp', target: 53, published: 5353 }] },
    { HostConfig: { PortBindings: { '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }] } } },
  ],
  [
    'a port without a host port takes any free one',
    { ports: [{ ...port, target: 80 }] },
    { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] } } },
  ],
  [
    'a range of ports is one binding each',
    { ports: [80, 81].map((target) => ({ ...port, target, published: target + 8000 })) },
    {
      ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
      HostConfig: {
        PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': [{ HostIp: '', HostPort: '8081' }] },
      },
    },
  ],
  [
    'one target published twice',
    { ports: [8080, 8081].map((published) => ({ ...port, target: 80, published })) },
    {
      HostConfig: {
        PortBindings: {
          '80/tcp': [
            { HostIp: '', HostPort: '8080' },
            { HostIp: '', HostPort: '8081' },
          ],
        },
      },
    },
  ],
  ['expose opens no host port', { expose: [{ port: 9000, protocol: 'tcp' }] }, { ExposedPorts: { '9000/tcp': {} } }],
  ['never restarts by default', {}, { HostConfig: { RestartPolicy: { Name: 'no' } } }],
  ['restarts always', { restart: { when: 'always' } }, { HostConfig: { RestartPolicy: { Name: 'always' } } }],
  [
    'restarts unless stopped',
    { restart: { when: 'unless-stopped' } },
    { HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } },
  ],
  [
    'restarts on failure, for ever',
    { restart: { when: 'on-failure' } },
    { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 0 } } },
  ],
  [
    'restarts on failure, three times',
    { restart: { when: 'on-failure', maxRetries: 3 } },
    { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } },
  ],
  [
    'a healthcheck of arguments, times in nanoseconds',
    {
      healthcheck: {
        probe: { type: 'exec', argv: ['curl', '-f', 'localhost'] },
        intervalMs: 1_500,
        timeoutMs: 2_000,
        startPeriodMs: 3_000,
        startIntervalMs: 100,
        retries: 5,
      },
    },
    {
      Healthcheck: {
        Test: ['CMD', 'curl', '-f', 'localhost'],
        Interval: 1.5e9,
        Timeout: 2e9,
        StartPeriod: 3e9,
        StartInterval: 1e8,
        Retries: 5,
      },
    },
  ],
  [
    'a healthcheck of the shell',
    { healthcheck: { probe: { type: 'shell', command: 'exit 0' } } },
    { Healthcheck: { Test: ['CMD-SHELL', 'exit 0'] } },
  ],
  [
    'a healthcheck that is switched off',
    { healthcheck: { probe: { type: 'none' } } },
    { Healthcheck: { Test: ['NONE'] } },
  ],
  [
    'the test of the image at times of ours',
    { healthcheck: { probe: { type: 'image' }, intervalMs: 1_000 } },
    { Healthcheck: { Interval: 1e9 } },
  ],
  [
    'extra hosts, several addresses of one name',
    { extraHosts: { db: ['10.0.0.1', '::1'], host: ['host-gateway'] } },
    { HostConfig: { ExtraHosts: ['db:10.0.0.1', 'db:::1', 'host:host-gateway'] } },
  ],
  ['a memory limit in bytes', { memoryBytes: 67_108_864 }, { HostConfig: { Memory: 67_108_864 } }],
  ['without a network there is none', { networks: [] }, { HostConfig: { NetworkMode: 'none' } }],
  ['the network of the host', { networkMode: 'host' }, { HostConfig: { NetworkMode: 'host' } }],
  [
    'attributes go to both halves of the body',
    { engine: { tty: true, init: true } },
    { Tty: true, HostConfig: { Init: true } },
  ],
  [
    'links on the network of the Engine itself',
    { networkMode: 'bridge', engine: { external_links: ['other:db'] } },
    { HostConfig: { Links: ['other:db'] } },
  ],
];

/** [what, mounts, expected HostConfig.Mounts, expected HostConfig.Tmpfs] */
const MOUNTS: readonly (readonly [string, readonly ResolvedMount[], object, object?])[] = [
  [
    'a directory of the host',
    [{ spec: mount('/srv', '/data', { type: 'bind' }), hostPath: '/srv' }],
    [{ Type: 'bind', Source: '/srv', Target: '/data', ReadOnly: false }],
  ],
  [
    'a directory that may only be read',
    [{ spec: mount('/srv', '/data', { type: 'bind', readOnly: true }), hostPath: '/srv' }],
    [{ Type: 'bind', Source: '/srv', Target: '/data', ReadOnly: true }],
  ],
  [
    'a volume of the Engine',
    [{ spec: mount('data', '/data'), engineVolume: 'shop_data' }],
    [{ Type: 'volume', Source: 'shop_data', Target: '/data', ReadOnly: false }],
  ],
  [
    'a volume whose files belong to a host directory is not filled from the image',
    [{ spec: mount('data', '/data', { noCopy: true }), engineVolume: 'shop_data', hostPath: '/v/shop_data' }],
    [{ Type: 'volume', Source: 'shop_data', Target: '/data', ReadOnly: false, VolumeOptions: { NoCopy: true } }],
  ],
  [
    'a volume that is only a directory of the host',
    [{ spec: mount('data', '/data'), hostPath: '/v/shop_data' }],
    [{ Type: 'bind', Source: '/v/shop_data', Target: '/data', ReadOnly: false }],
  ],
  ['a volume without a name', [{ spec: mount('', '/cache') }], [{ Type: 'volume', Target: '/cache', ReadOnly: false }]],
  ['memory', [tmpfs('/run')], [], { '/run': '' }],
  [
    'memory of a size, to be read only',
    [tmpfs('/run', { sizeBytes: 1024, readOnly: true })],
    [],
    { '/run': 'size=1024,ro' },
  ],
];

describe('the body of a container', () => {
  for (const [what, service, expected] of BODIES) {
    test(what, ({ expect }) => {
      expect(plan(service).body).toMatchObject(expected);
    });
  }

  test('labels are those of docker compose, and ours', ({ expect }) => {
    const dependsOn = [
      { service: serviceName('db'), condition: 'healthy', required: true, restart: true },
      { service: serviceName('job'), condition: 'completed', required: true, restart: false },
    ] as const;
    const { body } = plan({ ...both, labels: { mine: 'x' }, dependsOn }, { networks: [front, back] });
    expect(body['Labels']).toEqual({
      mine: 'x',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.container-number': '2',
      'com.docker.compose.config-hash': 'h1',
      'com.docker.compose.version': expect.stringMatching(/^2\.\d+\.\d+$/),
      'com.docker.compose.project.working_dir': '/srv/shop',
      'com.docker.compose.project.config_files': '/srv/shop/compose.yaml,/srv/shop/compose.override.yaml',
      'com.docker.compose.depends_on': 'db:service_healthy:true,job:service_completed_successfully:false',
      'dev.wcompose.kind': 'container',
      'dev.wcompose.networks': 'front=demo_front,back=elsewhere',
    });
  });

  test("a service's own label cannot take the place of ours", ({ expect }) => {
    const { body } = plan({ labels: { 'com.docker.compose.project': 'other' } });
    expect(body['Labels']).toMatchObject({ 'com.docker.compose.project': 'shop' });
  });

  test('is named project-service-number, or as the file says', ({ expect }) => {
    expect([plan().name, plan({ containerName: 'mine' }).name]).toEqual(['shop-web-2', 'mine']);
  });

  test('what the file does not say is left to the image', ({ expect }) => {
    expect(Object.keys(plan().body)).not.toContain('Cmd');
    expect(Object.keys(plan().body)).not.toContain('Entrypoint');
    expect(Object.keys(plan().body)).not.toContain('Healthcheck');
  });
});

describe('mounts of a container', () => {
  for (const [what, mounts, expected, expectedTmpfs] of MOUNTS) {
    test(what, ({ expect }) => {
      const { body } = plan({}, { mounts });
      expect(body['HostConfig']).toMatchObject({ Mounts: expected });
      expect((body['HostConfig'] as { Tmpfs?: object }).Tmpfs).toEqual(expectedTmpfs);
    });
  }

  test('memory of the tmpfs attribute and of a long mount are both there', ({ expect }) => {
    const { body } = plan({ engine: { tmpfs: ['/a:size=1'] } }, { mounts: [tmpfs('/b')] });
    expect(body['HostConfig']).toMatchObject({ Tmpfs: { '/a': 'size=1', '/b': '' } });
  });
});

describe('networks of a container', () => {
  const first = { demo_front: { Aliases: ['web', 'shop-web-2', 'www'] } };
  const second = { Aliases: ['web', 'shop-web-2'], IPAMConfig: { IPv4Address: '10.9.0.5' } };

  test('an older Engine takes one, the others are connected afterwards', ({ expect }) => {
    const { body, connect } = plan(both, { networks: [front, back] });
    expect(body).toMatchObject({ HostConfig: { NetworkMode: 'demo_front' } });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: first });
    expect(connect).toEqual([{ network: 'elsewhere', endpoint: second }]);
  });

  test('a newer Engine takes all at once', ({ expect }) => {
    const { body, connect } = plan(both, { networks: [front, back] }, true);
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { ...first, elsewhere: second } });
    expect(connect).toEqual([]);
  });

  test('network_mode takes the place of all networks', ({ expect }) => {
    const { body, connect } = plan({ ...both, networkMode: 'host' }, { networks: [front, back] });
    expect(body).not.toHaveProperty('NetworkingConfig');
    expect(body['Labels']).toMatchObject({ 'dev.wcompose.networks': '' });
    expect(connect).toEqual([]);
  });

  test("on the Engine's own bridge there are no names", ({ expect }) => {
    const { body } = plan({}, { networks: [network('default', { name: 'bridge', external: true })] });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { bridge: {} } });
  });

  test('links are of every network, a hardware address of the first', ({ expect }) => {
    const engine = { links: ['shop-db-1:db'], external_links: ['old'], mac_address: '02:42:ac:11:00:02' };
    const { body, connect } = plan({ ...both, engine }, { networks: [front, back] });
    const Links = ['shop-db-1:db', 'old'];
    expect(body).toMatchObject({
      MacAddress: '02:42:ac:11:00:02',
      NetworkingConfig: { EndpointsConfig: { demo_front: { Links } } },
    });
    expect(connect[0]?.endpoint).toMatchObject({ Links });
    const newer = plan({ ...both, engine }, { networks: [front, back] }, true).body;
    expect(newer).not.toHaveProperty('MacAddress');
    expect(newer).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { demo_front: { Links, MacAddress: '02:42:ac:11:00:02' } } },
    });
  });
});

describe('what the Engine cannot do', () => {
  test('an attribute without a row is refused by name, at its place', ({ expect }) => {
    expect(() => plan({ engine: { credential_spec: { file: 'x' } } })).toThrow(
      expect.objectContaining({
        code: 'ERR_COMPOSE_UNSUPPORTED',
        message: 'web: credential_spec is not supported',
        source: { ...here, path: 'services.web.credential_spec' },
      }),
    );
  });

  test('a value that the attribute cannot have is refused with the value', ({ expect }) => {
    expect(() => plan({ engine: { shm_size: 'much' } })).toThrow(
      expect.objectContaining({ code: 'ERR_COMPOSE_INVALID', message: 'web: shm_size cannot be "much"' }),
    );
  });

  test('an attribute that was reset is as if it were not there', ({ expect }) => {
    expect(plan({ engine: { shm_size: null, credential_spec: undefined } }).body).toMatchObject({});
  });

  test('a healthcheck for Wasm services is refused', ({ expect }) => {
    expect(() => plan({ healthcheck: { probe: { type: 'tcp', port: 80 } } })).toThrow(
      expect.objectContaining({ code: 'ERR_COMPOSE_UNSUPPORTED' }),
    );
  });
});
