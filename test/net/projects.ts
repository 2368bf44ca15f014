import { projectName, serviceName } from '../../src/model/ids.ts';
import type {
  ContainerService,
  NetworkSpec,
  Project,
  Service,
  ServiceNetwork,
  WasmService,
} from '../../src/model/project.ts';

const source = { file: 'compose.yaml', line: 1, column: 1, path: '' };

const common = {
  replicas: 1,
  environment: {},
  labels: {},
  dependsOn: [],
  ports: [],
  expose: [],
  extraHosts: {},
  mounts: [],
  restart: { when: 'no' },
  stopGraceMs: 10_000,
  source,
} as const;

/** `networks` by key, or with aliases and a fixed address. */
type On = readonly (string | (Partial<ServiceNetwork> & { readonly network: string }))[];

function serviceNetworks(on: On): readonly ServiceNetwork[] {
  return on.map((one) => (typeof one === 'string' ? { network: one, aliases: [] } : { aliases: [], ...one }));
}

export function wasm(name: string, on: On = ['default'], more: Partial<WasmService> = {}): WasmService {
  return {
    ...common,
    kind: 'wasm',
    name: serviceName(name),
    networks: serviceNetworks(on),
    module: { from: 'file', path: `/${name}.wasm` },
    args: [],
    interface: 'auto',
    engine: 'native',
    isolation: 'worker',
    swap: 'overlap',
    ...more,
  };
}

export function container(name: string, on: On = ['default'], more: Partial<ContainerService> = {}): ContainerService {
  return {
    ...common,
    kind: 'container',
    name: serviceName(name),
    networks: serviceNetworks(on),
    image: 'busybox',
    pullPolicy: 'missing',
    config: { hash: 'h1' },
    engine: {},
    ...more,
  };
}

/** A project whose networks are those its services name; `networks` says more of them. */
export function project(
  services: readonly Service[],
  networks: Readonly<Record<string, Partial<NetworkSpec>>> = {},
  name = 'demo',
): Project {
  const keys = new Set([
    ...services.flatMap((one) => one.networks.map(({ network }) => network)),
    ...Object.keys(networks),
  ]);
  return {
    version: 1,
    name: projectName(name),
    workingDir: '/demo',
    files: ['/demo/compose.yaml'],
    services: Object.fromEntries(services.map((one) => [one.name, one])),
    networks: Object.fromEntries(
      [...keys].map((key) => [
        key,
        { key, name: `${name}_${key}`, external: false, internal: false, driverOpts: {}, labels: {}, ...networks[key] },
      ]),
    ),
    volumes: {},
  };
}
