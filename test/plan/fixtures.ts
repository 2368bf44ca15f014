import { instanceId, projectName, serviceName } from '../../src/model/ids.ts';
import type { SourceRef } from '../../src/model/diagnostic.ts';
import type { ImageBuild } from '../../src/model/image-build.ts';
import type {
  ContainerService,
  Dependency,
  DependencyCondition,
  MountSpec,
  NetworkSpec,
  Project,
  Service,
  VolumeSpec,
  WasmService,
} from '../../src/model/project.ts';
import type { InstanceState, Observed, ObservedInstance } from '../../src/model/state.ts';

export const here: SourceRef = { file: 'compose.yaml', line: 1, column: 1, path: 'services' };

const common = {
  replicas: 1,
  environment: {},
  labels: {},
  dependsOn: [],
  ports: [],
  expose: [],
  networks: [{ network: 'default', aliases: [] }],
  extraHosts: {},
  mounts: [],
  restart: { when: 'no' },
  stopGraceMs: 10_000,
  source: here,
} as const;

export function container(name: string, over: Partial<ContainerService> = {}): ContainerService {
  return {
    ...common,
    kind: 'container',
    name: serviceName(name),
    image: name,
    pullPolicy: 'missing',
    config: { hash: 'h1' },
    engine: {},
    ...over,
  };
}

export function wasm(name: string, over: Partial<WasmService> = {}): WasmService {
  return {
    ...common,
    kind: 'wasm',
    name: serviceName(name),
    module: { from: 'file', path: `/demo/${name}.wasm` },
    args: [],
    interface: 'auto',
    engine: 'native',
    isolation: 'worker',
    swap: 'overlap',
    ...over,
  };
}

/** `build: .` */
export function imageBuild(over: Partial<ImageBuild> = {}): ImageBuild {
  return {
    context: '/demo',
    args: {},
    labels: {},
    extraHosts: [],
    ulimits: {},
    cacheFrom: [],
    cacheTo: [],
    noCache: false,
    noCacheFilter: [],
    pull: false,
    tags: [],
    platforms: [],
    additionalContexts: {},
    secrets: [],
    ssh: {},
    entitlements: [],
    privileged: false,
    source: here,
    places: {},
    ...over,
  };
}

export function needs(service: string, condition: DependencyCondition = 'started', required = true): Dependency {
  return { service: serviceName(service), condition, required, restart: false };
}

export function network(key: string, over: Partial<NetworkSpec> = {}): NetworkSpec {
  return { key, name: `demo_${key}`, external: false, internal: false, driverOpts: {}, labels: {}, ...over };
}

export function volume(key: string, over: Partial<VolumeSpec> = {}): VolumeSpec {
  return { key, name: `demo_${key}`, external: false, driverOpts: {}, labels: {}, ...over };
}

export function mount(source: string, target: string, over: Partial<MountSpec> = {}): MountSpec {
  return {
    type: 'volume',
    source,
    target,
    readOnly: false,
    createHostPath: false,
    noCopy: false,
    origin: here,
    ...over,
  };
}

export function project(services: readonly Service[], over: Partial<Project> = {}): Project {
  return {
    version: 1,
    name: projectName('demo'),
    workingDir: '/demo',
    files: ['/demo/compose.yaml'],
    services: Object.fromEntries(services.map((service) => [service.name, service])),
    networks: { default: network('default') },
    volumes: {},
    ...over,
  };
}

export const running: InstanceState = { at: 'running', health: 'none', since: 0 };

export function seen(service: Service, over: Partial<ObservedInstance> = {}): ObservedInstance {
  const index = over.index ?? 1;
  return {
    id: instanceId(service.name, index),
    service: service.name,
    index,
    kind: service.kind,
    handle: `${service.name}-${index}`,
    name: `demo-${service.name}-${index}`,
    image: '',
    configHash: 'h1',
    state: running,
    ports: [],
    addresses: {},
    createdAt: 0,
    restarts: 0,
    ...over,
  };
}

export const nothing: Observed = { instances: [], networks: [], volumes: [] };

export function observed(instances: readonly ObservedInstance[], over: Partial<Observed> = {}): Observed {
  return { instances, networks: [{ key: 'default', name: 'demo_default', id: 'n1' }], volumes: [], ...over };
}
