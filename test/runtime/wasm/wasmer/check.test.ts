import { describe, test } from 'vitest';
import { WcError } from '../../../../src/model/diagnostic.ts';
import type { ServiceName } from '../../../../src/model/ids.ts';
import type { MountSpec, WasmService } from '../../../../src/model/project.ts';
import { checkWasmer, WASMER_FUNCTIONS, WASMER_REFUSED } from '../../../../src/runtime/wasm/wasmer/check.ts';
import { assemble } from '../wasi/assembler.ts';
import { trampoline } from '../wasi/guest.ts';

const at = (line: number) => ({ file: 'compose.yaml', line, column: 3, path: 'services.job' });

const JOB: WasmService = {
  kind: 'wasm',
  name: 'job' as ServiceName,
  module: { from: 'file', path: '/job.wasm' },
  args: [],
  interface: 'auto',
  engine: 'wasmer',
  isolation: 'worker',
  swap: 'restart',
  replicas: 1,
  environment: {},
  labels: {},
  dependsOn: [],
  ports: [],
  expose: [],
  networks: [],
  extraHosts: {},
  mounts: [],
  restart: { when: 'no' },
  stopGraceMs: 10_000,
  source: at(2),
};

const TMPFS: MountSpec = {
  type: 'tmpfs',
  source: '',
  target: '/tmp',
  readOnly: false,
  createHostPath: false,
  noCopy: false,
  origin: at(7),
};

/** A command that imports these functions. */
function command(...imports: readonly (readonly [module: string, name: string])[]): WebAssembly.Module {
  const signature = { params: '', results: '' };
  return new WebAssembly.Module(
    assemble({
      imports: imports.map(([module, name]) => ({ module, name, signature })),
      functions: [{ signature, body: [], exportAs: '_start' }],
    }),
  );
}

function errorOf(service: Partial<WasmService>, module = command()): WcError | undefined {
  try {
    checkWasmer(module, { ...JOB, ...service });
    return undefined;
  } catch (error) {
    if (error instanceof WcError) return error;
    throw error;
  }
}

test.for<{ name: string; service: Partial<WasmService> }>([
  { name: 'a command', service: {} },
  { name: 'a command that says so', service: { interface: 'command', isolation: 'process' } },
  { name: 'tmpfs mounts', service: { mounts: [TMPFS, { ...TMPFS, target: '/var/tmp' }] } },
  { name: 'a healthcheck that is switched off', service: { healthcheck: { probe: { type: 'none' } } } },
  { name: 'a memory limit, which is the module loader’s', service: { memoryBytes: 1 << 20 } },
])('may run: $name', ({ service }, { expect }) => {
  expect(errorOf(service)).toBeUndefined();
});

test.for<{ name: string; service: Partial<WasmService>; code: string; message: string; line: number }>([
  {
    name: 'a host directory',
    service: { mounts: [TMPFS, { ...TMPFS, type: 'bind', source: '/data', target: '/data', origin: at(9) }] },
    code: 'ERR_MOUNT',
    message: 'service job: "engine: wasmer" has files in memory only: nothing can be mounted at /data',
    line: 9,
  },
  {
    name: 'a volume',
    service: { mounts: [{ ...TMPFS, type: 'volume', source: 'data', target: '/data' }] },
    code: 'ERR_MOUNT',
    message: 'service job: "engine: wasmer" has files in memory only: nothing can be mounted at /data',
    line: 7,
  },
  {
    name: 'a tmpfs with a size',
    service: { mounts: [{ ...TMPFS, sizeBytes: 1024 }] },
    code: 'ERR_MOUNT',
    message: 'service job: "engine: wasmer" cannot limit the size of the tmpfs at /tmp',
    line: 7,
  },
  {
    name: 'a read-only tmpfs',
    service: { mounts: [{ ...TMPFS, readOnly: true }] },
    code: 'ERR_MOUNT',
    message: 'service job: "engine: wasmer" cannot make the tmpfs at /tmp read-only',
    line: 7,
  },
  {
    name: 'a port',
    service: { ports: [{ target: 80, hostIp: '', protocol: 'tcp', source: at(5) }] },
    code: 'ERR_COMPOSE_UNSUPPORTED',
    message: 'service job: "engine: wasmer" has no sockets: port 80 cannot be published',
    line: 5,
  },
  {
    name: 'a listener',
    service: { listenFd: 3 },
    code: 'ERR_COMPOSE_UNSUPPORTED',
    message: 'service job: "engine: wasmer" has no sockets: "listen_fd" cannot be given',
    line: 2,
  },
  {
    name: 'a healthcheck',
    service: { healthcheck: { probe: { type: 'tcp', port: 80 } } },
    code: 'ERR_COMPOSE_UNSUPPORTED',
    message:
      'service job: "engine: wasmer" has no sockets and runs one command: there is nothing a healthcheck could ask',
    line: 2,
  },
  {
    name: 'a server',
    service: { interface: 'http' },
    code: 'ERR_COMPOSE_UNSUPPORTED',
    message: 'service job: "engine: wasmer" runs commands only, not "interface: http"',
    line: 2,
  },
  {
    name: 'a worker that others share',
    service: { isolation: 'shared' },
    code: 'ERR_COMPOSE_UNSUPPORTED',
    message:
      'service job: "engine: wasmer" blocks its worker until the command ends: "isolation: shared" is not possible',
    line: 2,
  },
])('refused before it runs: $name', ({ service, code, message, line }, { expect }) => {
  const error = errorOf(service);
  expect(error).toMatchObject({ code, message, source: { line } });
  expect(error?.hint).toContain('engine: native');
});

describe('imports', () => {
  test('all that work may be imported, from both modules of WASI', ({ expect }) => {
    const functions = [...WASMER_FUNCTIONS];
    for (const from of ['wasi_snapshot_preview1', 'wasi_unstable']) {
      expect(errorOf({}, command(...functions.map((name) => [from, name] as const)))).toBeUndefined();
    }
  });

  test('what the package lacks is named, with the engine that has it', ({ expect }) => {
    const module = command(
      ['wasi_snapshot_preview1', 'fd_write'],
      ['wasi_snapshot_preview1', 'sock_accept'],
      ['wasi_snapshot_preview1', 'poll_oneoff'],
    );
    const error = errorOf({}, module);
    expect(error).toMatchObject({
      code: 'ERR_MODULE_IMPORTS',
      message:
        'service job: "engine: wasmer" lacks wasi_snapshot_preview1.sock_accept, ' +
        'wasi_snapshot_preview1.poll_oneoff (its sleep ends in a trap)',
    });
    expect(error?.hint).toContain('engine: native');
  });

  test('another engine is not praised for what it lacks too', ({ expect }) => {
    const error = errorOf({}, command(['env', 'fetch']));
    expect(error?.message).toBe('service job: "engine: wasmer" lacks env.fetch');
    expect(error?.hint).not.toContain('native');
  });

  test('the table is what the package has', async ({ expect }) => {
    const { init, WASI } = await import('@wasmer/wasi');
    await init();
    const module = new WebAssembly.Module(trampoline('wasi_snapshot_preview1'));
    const given = new WASI({ preopens: { '/': '/' } }).getImports(module) as Record<string, object>;
    const names = Object.keys(given['wasi_snapshot_preview1'] ?? {}).toSorted();
    expect(names).toEqual([...WASMER_FUNCTIONS, ...WASMER_REFUSED.keys()].toSorted());
  });
});

test('a library is no command', ({ expect }) => {
  const signature = { params: '', results: '' };
  const library = new WebAssembly.Module(assemble({ functions: [{ signature, body: [], exportAs: 'answer' }] }));
  expect(errorOf({}, library)).toMatchObject({
    code: 'ERR_MODULE_INVALID',
    message: 'service job: the module exports no function "_start"',
  });
});
