import type { DependencyCondition, Project, Service } from './project.ts';
import type { ObservedInstance } from './state.ts';
import { exitCode, isUp } from './state.ts';

/** A project as a drawing: what there is, and what belongs to what. */
export interface ProjectGraph {
  readonly name: string;
  readonly services: readonly GraphService[];
  readonly networks: readonly GraphResource[];
  readonly volumes: readonly GraphResource[];
}

export interface GraphService {
  readonly name: string;
  readonly kind: Service['kind'];
  /** The image, or the module. */
  readonly source: string;
  readonly replicas: number;
  readonly running: number;
  /** `2 of 2 run`, `exited (1)`, `not there`. */
  readonly status: string;
  readonly dependsOn: readonly GraphDependency[];
  readonly networks: readonly string[];
  readonly volumes: readonly { readonly volume: string; readonly target: string; readonly readOnly: boolean }[];
  readonly ports: readonly string[];
}

export interface GraphDependency {
  readonly service: string;
  readonly condition: DependencyCondition;
  readonly required: boolean;
}

export interface GraphResource {
  readonly key: string;
  readonly name: string;
  readonly external: boolean;
}

/** `services`: only these and what they need; none: all. */
export function projectGraph(
  project: Project,
  instances: readonly ObservedInstance[],
  services: readonly string[],
): ProjectGraph {
  const names = services.length === 0 ? new Set(Object.keys(project.services)) : withNeeds(project, services);
  const shown = Object.values(project.services)
    .filter(({ name }) => names.has(name))
    .map((service) =>
      graphService(
        service,
        instances.filter((one) => one.service === service.name),
        names,
      ),
    );
  const resources = (
    all: Readonly<Record<string, { readonly key: string; readonly name: string; readonly external: boolean }>>,
    used: readonly string[],
  ): readonly GraphResource[] =>
    Object.values(all)
      .filter(({ key }) => services.length === 0 || used.includes(key))
      .map(({ key, name, external }) => ({ key, name, external }));
  return {
    name: project.name,
    services: shown,
    networks: resources(
      project.networks,
      shown.flatMap((service) => service.networks),
    ),
    volumes: resources(
      project.volumes,
      shown.flatMap((service) => service.volumes.map(({ volume }) => volume)),
    ),
  };
}

function graphService(
  service: Service,
  instances: readonly ObservedInstance[],
  names: ReadonlySet<string>,
): GraphService {
  return {
    name: service.name,
    kind: service.kind,
    source: sourceOf(service),
    replicas: service.replicas,
    running: instances.filter(isUp).length,
    status: statusOf(service.replicas, instances),
    dependsOn: service.dependsOn
      .filter((one) => names.has(one.service))
      .map(({ service: on, condition, required }) => ({ service: on, condition, required })),
    networks: service.networks.map(({ network }) => network),
    volumes: service.mounts
      .filter(({ type, source }) => type === 'volume' && source !== '')
      .map(({ source, target, readOnly }) => ({ volume: source, target, readOnly })),
    ports: service.ports.map(({ published, target, protocol }) => {
      const inside = protocol === 'tcp' ? String(target) : `${target}/${protocol}`;
      return published === undefined ? inside : `${published}:${inside}`;
    }),
  };
}

function sourceOf(service: Service): string {
  if (service.kind === 'container') return service.image;
  switch (service.module.from) {
    case 'file':
      return service.module.path;
    case 'oci':
      return service.module.reference;
    case 'catalog':
      return `${service.module.name}@${service.module.version}`;
  }
}

function statusOf(replicas: number, instances: readonly ObservedInstance[]): string {
  const up = instances.filter(isUp).length;
  if (up > 0) return replicas === 1 && up === 1 ? healthOf(instances) : `${up} of ${replicas} run`;
  const last = instances.find(({ state }) => state.at === 'exited');
  if (last?.state.at === 'exited') return `exited (${exitCode(last.state.exit)})`;
  return instances.length === 0 ? 'not there' : 'created';
}

function healthOf(instances: readonly ObservedInstance[]): string {
  const state = instances.find(isUp)?.state;
  if (state?.at !== 'running') return state?.at === 'backoff' ? 'restarting' : 'running';
  if (state.paused === true) return 'paused';
  return state.health === 'none' ? 'running' : `running, ${state.health}`;
}

function withNeeds(project: Project, services: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (name: string): void => {
    if (names.has(name)) return;
    names.add(name);
    for (const { service } of project.services[name]?.dependsOn ?? []) add(service);
  };
  for (const service of services) add(service);
  return names;
}
