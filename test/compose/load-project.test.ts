import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';

import { loadProject } from '../../src/compose/load.ts';
import type { LoadOptions } from '../../src/compose/load-options.ts';
import type { WcError } from '../../src/model/diagnostic.ts';
import { WcErrors } from '../../src/model/diagnostic.ts';
import type { Project } from '../../src/model/project.ts';

let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wc-compose-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: Partial<LoadOptions>;
}

async function load(yaml: string, given: Given = {}): Promise<{ project: Project; warnings: readonly string[] }> {
  for (const [name, text] of Object.entries({ 'compose.yaml': yaml, ...given.files })) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  const options: LoadOptions = {
    cwd: dir,
    files: [],
    envFiles: [],
    profiles: [],
    services: [],
    env: {},
    stdin: async () => '',
    ...given.options,
  };
  const { project, warnings } = await loadProject(options, new AbortController().signal);
  return { project, warnings: warnings.map((warning) => warning.message) };
}

async function failures(yaml: string, given: Given = {}): Promise<readonly string[]> {
  try {
    await load(yaml, given);
  } catch (error) {
    const all = error instanceof WcErrors ? error.errors : [error as WcError];
    return all.map((one) => `${one.code} ${one.source?.line}:${one.source?.column} ${one.message}`);
  }
  return [];
}

const GUESTBOOK = `
name: guestbook
services:
  redis: {image: redis:7-alpine, healthcheck: {test: [CMD, redis-cli, ping], interval: 1s, retries: 30}}
  api:
    platform: wasi/wasm
    x-wasm: {module: ./api/api.wasm, healthcheck: {http: {port: 8080, path: /healthz}}}
    environment: {REDIS_HOST: redis}
    volumes: ["visits:/data"]
    healthcheck: {interval: 1s, retries: 30}
    depends_on: {redis: {condition: service_healthy}}
  web:
    image: nginx:alpine
    ports: ["\${WEB_PORT:-8080}:80"]
    volumes: ["./nginx.conf:/etc/nginx/conf.d/default.conf:ro", "visits:/usr/share/nginx/html/visits:ro"]
    depends_on: {api: {condition: service_healthy}}
volumes: {visits: {}}
`;

describe('a file of containers and Wasm services becomes a project', () => {
  test('the guestbook', async ({ expect }) => {
    const { project, warnings } = await load(GUESTBOOK, { options: { env: { WEB_PORT: '9000' } } });
    expect(warnings).toEqual([]);
    expect(project).toMatchObject({
      name: 'guestbook',
      workingDir: dir,
      files: [join(dir, 'compose.yaml')],
      networks: { default: { name: 'guestbook_default', external: false, internal: false } },
      volumes: { visits: { name: 'guestbook_visits', external: false } },
      services: {
        redis: {
          kind: 'container',
          image: 'redis:7-alpine',
          healthcheck: { probe: { type: 'exec', argv: ['redis-cli', 'ping'] }, intervalMs: 1000, retries: 30 },
        },
        api: {
          kind: 'wasm',
          module: { from: 'file', path: join(dir, 'api/api.wasm') },
          environment: { REDIS_HOST: 'redis' },
          mounts: [{ type: 'volume', source: 'visits', target: '/data', readOnly: false }],
          healthcheck: { probe: { type: 'http', port: 8080, path: '/healthz' }, intervalMs: 1000, retries: 30 },
          dependsOn: [{ service: 'redis', condition: 'healthy', required: true }],
          source: { file: 'compose.yaml', line: 5, column: 3, path: 'services.api' },
        },
        web: {
          kind: 'container',
          ports: [{ target: 80, published: 9000, hostIp: '', protocol: 'tcp' }],
          mounts: [
            { type: 'bind', source: join(dir, 'nginx.conf'), readOnly: true, createHostPath: true },
            { type: 'volume', source: 'visits', readOnly: true },
          ],
        },
      },
    });
    expect(Object.keys(project.services)).toEqual(['redis', 'api', 'web']);
  });

  for (const [what, service, expected] of [
    ['wasi/wasm', 'platform: WASI/wasm', 'wasm'],
    ['wasip2/wasm', 'platform: wasip2/wasm', 'wasm'],
    ['wasi/wasm32', 'platform: wasi/wasm32', 'wasm'],
    ['a containerd shim', 'runtime: io.containerd.wasmedge.v1', 'wasm'],
    ['x-wasm alone', '', 'wasm'],
  ] as const) {
    test(`kind of a service with ${what}`, async ({ expect }) => {
      const { project } = await load(`services: {a: {${service && `${service}, `}x-wasm: {module: a.wasm}}}`);
      expect(project.services['a']?.kind).toBe(expected);
    });
  }

  test('a healthcheck that asks a local URL with curl is asked without curl', async ({ expect }) => {
    const { project } = await load(`
services:
  a:
    x-wasm: {module: a.wasm}
    healthcheck: {test: "curl -fsS http://localhost:8080/health?full=1 || exit 1"}
`);
    expect(project.services['a']?.healthcheck?.probe).toEqual({ type: 'http', port: 8080, path: '/health?full=1' });
  });

  test('attributes that go to the Engine keep their compose names and lose what says nothing', async ({ expect }) => {
    const { project } = await load(`
services:
  a:
    image: x
    privileged: false
    init: true
    ulimits: {nproc: 65535, nofile: {soft: 1, hard: 2}}
    dns: 1.1.1.1
    tmpfs: /run
    deploy: {resources: {limits: {cpus: '0.5', memory: 64m}}}
`);
    expect(project.services['a']).toMatchObject({
      memoryBytes: 64 * 1024 * 1024,
      engine: {
        init: true,
        ulimits: { nproc: 65535, nofile: { soft: 1, hard: 2 } },
        dns: ['1.1.1.1'],
        tmpfs: ['/run'],
        cpus: 0.5,
      },
    });
  });

  test('a secret from a file is a read-only mount', async ({ expect }) => {
    const { project } = await load(`
services: {a: {image: x, secrets: [key]}}
secrets: {key: {file: ./key.txt}}
`);
    expect(project.services['a']?.mounts).toMatchObject([
      { type: 'bind', source: join(dir, 'key.txt'), target: '/run/secrets/key', readOnly: true },
    ]);
  });
});

describe('what cannot be run is said with its place', () => {
  for (const [what, yaml, expected] of [
    [
      'several mistakes in one run, in the order of the file',
      'services:\n  a:\n    imagee: x\n    image: 3\n    ports: ["a:b"]\n',
      [
        'ERR_COMPOSE_INVALID 3:5 services.a.imagee: unknown key "imagee"',
        'ERR_COMPOSE_INVALID 4:12 services.a.image: must be a string, not 3',
        'ERR_COMPOSE_INVALID 5:13 services.a.ports[0]: invalid container port in a:b',
      ],
    ],
    [
      'a build secret that no build can have',
      'services:\n  a:\n    build: {context: ., secrets: [s]}\nsecrets: {s: {external: true}}\n',
      ['ERR_COMPOSE_UNSUPPORTED 3:35 services.a.build.secrets[0]: secret s has neither file nor environment'],
    ],
    [
      'what a Wasm service must not have',
      'services:\n  a:\n    privileged: true\n    x-wasm: {module: a.wasm}\n',
      [
        'ERR_COMPOSE_UNSUPPORTED 3:17 services.a.privileged: cannot be for a Wasm service: no module gets more than it is given',
      ],
    ],
    [
      'a healthcheck that only times are given for',
      'services:\n  a:\n    x-wasm: {module: a.wasm}\n    healthcheck: {interval: 1s}\n',
      ['ERR_COMPOSE_UNSUPPORTED 4:18 services.a.healthcheck: has no test, and a module has none of its own'],
    ],
    [
      'services that wait for each other',
      'services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n',
      ['ERR_COMPOSE_INVALID 3:29 dependency cycle detected: a -> b -> a'],
    ],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, at) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[at]}`).join(',')}]`)
        .join('\n')}\n`,
      ['ERR_COMPOSE_INVALID 7:7 more than 2000000 values once the aliases are written out'],
    ],
    [
      'an anchor that contains itself',
      'x-a: &a\n  b: *a\n',
      ['ERR_COMPOSE_INVALID 2:6 cycle: x-a.b is an alias of a, which contains it'],
    ],
  ] as const) {
    test(what, async ({ expect }) => {
      expect(await failures(yaml)).toEqual(expected);
    });
  }

  test('an attribute that has no meaning for a module is warned of once', async ({ expect }) => {
    const { warnings } = await load('services: {a: {user: root, x-wasm: {module: a.wasm}}}');
    expect(warnings).toEqual([
      'services.a.user: is ignored for a Wasm service: WASI has no users; files belong to the user of wcompose',
    ]);
  });

  test('no file', async ({ expect }) => {
    const options = { cwd: dir, files: ['nothing.yaml'] };
    expect(await failures('services: {a: {image: x}}', { options })).toEqual([
      'ERR_COMPOSE_NOT_FOUND undefined:undefined nothing.yaml: there is no such file',
    ]);
  });
});

describe('size and hostile names', () => {
  test('100 services may share one anchor', async ({ expect }) => {
    const services = Array.from({ length: 100 }, (_unused, at) => `  s${at}: {<<: *common}`).join('\n');
    const { project } = await load(`x-common: &common {image: x, environment: {A: b}}\nservices:\n${services}\n`);
    expect(Object.keys(project.services)).toHaveLength(100);
    expect(project.services['s99']).toMatchObject({ image: 'x', environment: { A: 'b' } });
  });

  test('names of JavaScript are names like any other', async ({ expect }) => {
    const { project } = await load('services: {constructor: {image: x, environment: {__proto__: y, toString: z}}}');
    const service = Object.entries(project.services).find(([name]) => name === 'constructor')?.[1];
    expect(Object.entries(service?.environment ?? {})).toEqual([
      ['__proto__', 'y'],
      ['toString', 'z'],
    ]);
    expect(({} as Record<string, unknown>)['y']).toBeUndefined();
  });
});
