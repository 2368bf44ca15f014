import type { Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { PlanBuilder } from './builder.ts';
import { startOrder } from './graph.ts';
import { DEFAULT_GRACE_MS } from './reconcile.ts';

export interface TeardownOptions {
  /** Undefined: nothing is known but what is observed; everything of the project goes. */
  readonly project: Project | undefined;
  readonly removeVolumes: boolean;
  readonly removeOrphans: boolean;
  /** Overrides each service's own grace. */
  readonly graceMs: number | undefined;
}

/** `down`: dependants stop before what they depend on; networks go when their last instance is gone. */
export function planDown(observed: Observed, options: TeardownOptions): Plan {
  const plan = new PlanBuilder();
  const { project } = options;
  const keepOrphans = project !== undefined && !options.removeOrphans;
  const instances = keepOrphans
    ? observed.instances.filter((instance) => project.services[instance.service] !== undefined)
    : observed.instances;
  const stops = addStops(plan, project, instances, options.graceMs, 'down');
  const removed = instances.map((instance) =>
    plan.add({ op: 'instance.remove', instance }, `service:${instance.id}`, 'down', stops.get(instance.id) ?? []),
  );
  for (const network of observed.networks) {
    if (project?.networks[network.key]?.external === true) continue;
    plan.add({ op: 'network.remove', network }, `network:${network.key}`, 'down', removed);
  }
  if (options.removeVolumes) {
    for (const volume of observed.volumes) {
      if (project?.volumes[volume.key]?.external === true) continue;
      plan.add({ op: 'volume.remove', volume }, `volume:${volume.key}`, 'down', removed);
    }
  }
  return plan.build();
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

/** `start`: what exists and does not run, dependencies first. Creates nothing. */
export function planStart(observed: Observed, project: Project | undefined, services: readonly string[]): Plan {
  const plan = new PlanBuilder();
  addStarts(plan, project, chosen(observed, services).filter(isStopped), 'start', new Map());
  return plan.build();
}

/** `restart`: stops and starts what exists. */
export function planRestart(
  observed: Observed,
  project: Project | undefined,
  services: readonly string[],
  graceMs: number | undefined,
): Plan {
  const plan = new PlanBuilder();
  const instances = chosen(observed, services);
  const stops = addStops(plan, project, instances, graceMs, 'restart');
  addStarts(plan, project, instances, 'restart', stops);
  return plan.build();
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
  const dependants = (name: string): readonly Service[] =>
    Object.values(services).filter((service) => service.dependsOn.some((dependency) => dependency.service === name));
  for (const name of stopOrder(services, instances)) {
    const needs = dependants(name).flatMap((service) => byService.get(service.name) ?? []);
    const nodes = instances
      .filter((instance) => instance.service === name && !isStopped(instance))
      .map((instance) => {
        const grace = graceMs ?? services[name]?.stopGraceMs ?? DEFAULT_GRACE_MS;
        const node = plan.add(
          { op: 'instance.stop', instance, graceMs: grace },
          `service:${instance.id}`,
          cause,
          needs,
        );
        byId.set(instance.id, [node]);
        return node;
      });
    byService.set(name, nodes);
  }
  return byId;
}

function addStarts(
  plan: PlanBuilder,
  project: Project | undefined,
  instances: readonly ObservedInstance[],
  cause: string,
  stops: ReadonlyMap<string, readonly number[]>,
): void {
  const services = project?.services ?? {};
  const byService = new Map<string, number[]>();
  for (const name of stopOrder(services, instances).toReversed()) {
    const gates = (services[name]?.dependsOn ?? []).flatMap((dependency) => byService.get(dependency.service) ?? []);
    const nodes = instances
      .filter((instance) => instance.service === name)
      .map((instance) =>
        plan.add({ op: 'instance.start', id: instance.id }, `service:${instance.id}`, cause, [
          ...(stops.get(instance.id) ?? []),
          ...gates,
        ]),
      );
    byService.set(name, nodes);
  }
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
