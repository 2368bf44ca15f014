import type { Plan } from '../model/plan.ts';
import type { Dependency, Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance, ObservedResource } from '../model/state.ts';
import { PlanBuilder } from './builder.ts';
import { startOrder } from './graph.ts';
import { DEFAULT_GRACE_MS } from './reconcile.ts';

export interface TeardownOptions {
  /** Undefined: nothing is known but what is observed; everything of the project goes. */
  readonly project: Project | undefined;
  /** Only their instances; none: everything. */
  readonly services: readonly string[];
  readonly removeVolumes: boolean;
  readonly removeOrphans: boolean;
  /** Overrides each service's own grace. */
  readonly graceMs: number | undefined;
}

/** `down`: dependants stop before what they depend on; networks go when their last instance is gone. */
export function planDown(observed: Observed, options: TeardownOptions): Plan {
  const plan = new PlanBuilder();
  const { project } = options;
  const instances = observed.instances.filter((instance) => goesDown(instance, options));
  const left = observed.instances.filter((instance) => !instances.includes(instance));
  const stops = addStops(plan, project, instances, options.graceMs, 'down');
  const removed = instances.map((instance) =>
    plan.add({ op: 'instance.remove', instance }, `service:${instance.id}`, 'down', stops.get(instance.id) ?? []),
  );
  for (const network of observed.networks) {
    if (project?.networks[network.key]?.external === true || isUsed(network, left)) continue;
    plan.add({ op: 'network.remove', network }, `network:${network.key}`, 'down', removed);
  }
  if (options.removeVolumes) {
    for (const volume of observed.volumes) {
      if (project?.volumes[volume.key]?.external === true || isUsed(volume, left)) continue;
      plan.add({ op: 'volume.remove', volume }, `volume:${volume.key}`, 'down', removed);
    }
  }
  return plan.build();
}

function goesDown({ service }: ObservedInstance, { project, services, removeOrphans }: TeardownOptions): boolean {
  const isOrphan = project !== undefined && project.services[service] === undefined;
  if (isOrphan) return removeOrphans;
  return services.length === 0 || services.includes(service);
}

/** Others are still in it: the Engine would refuse. */
function isUsed(resource: ObservedResource, left: readonly ObservedInstance[]): boolean {
  return left.some(
    ({ id, addresses, connected = {}, mounted = [] }) =>
      resource.instance === id ||
      mounted.includes(resource.name) ||
      connected[resource.name] !== undefined ||
      addresses[resource.key] !== undefined,
  );
}

/** `stop`: the instances of the chosen services, in reverse order of dependency. */
export function planStop(
  observed: Observed,
  project: Project | undefined,
  services: readonly string[],
  graceMs: number | undefined,
): Plan {
  const plan = new PlanBuilder();
  addStops(plan, project, chosen(observed, services), graceMs, 'stop');
  return plan.build();
}

export interface StartOptions {
  readonly services: readonly string[];
  /** `restart`: overrides each service's own grace. */
  readonly graceMs?: number | undefined;
  /** `start`: also what they depend on; `restart`: also those that are to be restarted with them. */
  readonly withOthers: boolean;
  /** Ends when all of them are ready. */
  readonly wait: boolean;
}

/** `start`: what exists and does not run, dependencies first and in the condition the file asks for. Creates nothing. */
export function planStart(observed: Observed, project: Project | undefined, options: StartOptions): Plan {
  const plan = new PlanBuilder();
  const names = options.withOthers ? withDependencies(project, options.services) : options.services;
  const instances = chosen(observed, names);
  const starts = addStarts(plan, project, instances.filter(isStopped), 'start', new Map());
  if (!options.wait) return plan.build();
  for (const { id, service } of instances) {
    const needs = starts.get(service) ?? [];
    plan.add({ op: 'instance.await', id, condition: 'ready', required: true }, `service:${id}`, '--wait', needs);
  }
  return plan.build();
}

/** `restart`: stops and starts what exists. */
export function planRestart(observed: Observed, project: Project | undefined, options: StartOptions): Plan {
  const plan = new PlanBuilder();
  const { graceMs } = options;
  const names = options.withOthers ? withRestarted(project, options.services) : options.services;
  const instances = chosen(observed, names);
  const stops = addStops(plan, project, instances, graceMs, 'restart');
  addStarts(plan, project, instances, 'restart', stops);
  return plan.build();
}

/** The names and what they depend on; none stays none. */
function withDependencies(project: Project | undefined, names: readonly string[]): readonly string[] {
  return closure(names, (name) => (project?.services[name]?.dependsOn ?? []).map(({ service }) => service));
}

/** The names and the services that ask to be restarted with one of them. */
function withRestarted(project: Project | undefined, names: readonly string[]): readonly string[] {
  const services = Object.values(project?.services ?? {});
  return closure(names, (name) =>
    services
      .filter(({ dependsOn }) => dependsOn.some(({ service, restart }) => service === name && restart))
      .map((service) => service.name),
  );
}

function closure(names: readonly string[], next: (name: string) => readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const other of next(name)) visit(other);
  };
  for (const name of names) visit(name);
  return [...found];
}

function chosen(observed: Observed, services: readonly string[]): readonly ObservedInstance[] {
  return services.length === 0
    ? observed.instances
    : observed.instances.filter((instance) => services.includes(instance.service));
}

function isStopped(instance: ObservedInstance): boolean {
  return instance.state.at === 'created' || instance.state.at === 'exited';
}

/** Stop nodes by instance id; an instance that has ended already needs none. */
function addStops(
  plan: PlanBuilder,
  project: Project | undefined,
  instances: readonly ObservedInstance[],
  graceMs: number | undefined,
  cause: string,
): ReadonlyMap<string, readonly number[]> {
  const byId = new Map<string, readonly number[]>();
  const byService = new Map<string, number[]>();
  const services = project?.services ?? {};
  const dependants = dependantsIn(services);
  const running = Map.groupBy(
    instances.filter((instance) => !isStopped(instance)),
    ({ service }) => service,
  );
  for (const name of stopOrder(services, instances)) {
    const needs = (dependants.get(name) ?? []).flatMap((dependant) => byService.get(dependant) ?? []);
    const grace = graceMs ?? services[name]?.stopGraceMs ?? DEFAULT_GRACE_MS;
    const nodes = (running.get(name) ?? []).map((instance) => {
      const node = plan.add({ op: 'instance.stop', instance, graceMs: grace }, `service:${instance.id}`, cause, needs);
      byId.set(instance.id, [node]);
      return node;
    });
    byService.set(name, nodes);
  }
  return byId;
}

/** Who depends on a service, each once, in the order of the file. */
function dependantsIn(services: Readonly<Record<string, Service>>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { name, dependsOn } of Object.values(services)) {
    for (const target of new Set(dependsOn.map(({ service }) => service))) {
      const known = found.get(target);
      if (known === undefined) found.set(target, [name]);
      else known.push(name);
    }
  }
  return found;
}

function addStarts(
  plan: PlanBuilder,
  project: Project | undefined,
  instances: readonly ObservedInstance[],
  cause: string,
  stops: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const services = project?.services ?? {};
  const byService = new Map<string, number[]>();
  const ofService = Map.groupBy(instances, ({ service }) => service);
  for (const name of stopOrder(services, instances).toReversed()) {
    const gates = (services[name]?.dependsOn ?? []).flatMap((dependency) => {
      const starts = byService.get(dependency.service) ?? [];
      if (dependency.condition === 'started' || starts.length === 0) return starts;
      return addAwaits(plan, instances, dependency, starts);
    });
    const nodes = (ofService.get(name) ?? []).map((instance) =>
      plan.add({ op: 'instance.start', id: instance.id }, `service:${instance.id}`, cause, [
        ...(stops.get(instance.id) ?? []),
        ...gates,
      ]),
    );
    byService.set(name, nodes);
  }
  return byService;
}

/** Those that are started now are waited for as at `up`. */
function addAwaits(
  plan: PlanBuilder,
  instances: readonly ObservedInstance[],
  { service, condition, required }: Dependency,
  needs: readonly number[],
): readonly number[] {
  return instances
    .filter((instance) => instance.service === service)
    .map(({ id }) =>
      plan.add({ op: 'instance.await', id, condition, required }, `service:${id}`, `needed ${condition}`, needs),
    );
}

/** Dependants first; services the project does not know come before all others. */
function stopOrder(
  services: Readonly<Record<string, Service>>,
  instances: readonly ObservedInstance[],
): readonly string[] {
  const known = startOrder(services).map((service) => String(service.name));
  const unknown = new Set(instances.map((instance) => instance.service).filter((name) => !known.includes(name)));
  return [...[...unknown].toSorted(), ...known.toReversed()];
}
