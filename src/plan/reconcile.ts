import { instanceId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { AwaitCondition, Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { PlanBuilder } from './builder.ts';
import { selectServices, startOrder } from './graph.ts';
import { planInfrastructure } from './infrastructure.ts';
import type { Infrastructure } from './infrastructure.ts';

export interface ReconcileOptions {
  readonly recreate: 'changed' | 'always' | 'never';
  /** Services named on the command line; none: all. */
  readonly services: readonly string[];
  /** Also the dependencies of the named services. */
  readonly withDependencies: boolean;
  readonly removeOrphans: boolean;
  /** Create only. */
  readonly start: boolean;
  /** Ends with a node per service that waits until it is ready. */
  readonly wait: boolean;
  readonly hash: (service: Service) => string;
}

/** Pure: desired + observed in, plan out. No clock, no I/O, no engine types. Planning what is there already is an empty plan. */
export function reconcile(project: Project, observed: Observed, options: ReconcileOptions): Plan {
  const plan = new PlanBuilder();
  const services = selectServices(project.services, options.services, options.withDependencies);
  const order = startOrder(services);
  const infrastructure = planInfrastructure(plan, project, services, observed);
  if (options.removeOrphans) removeOrphans(plan, project, observed);
  const planner: Planner = { plan, observed, options, infrastructure, services, started: new Map(), awaits: new Map() };
  for (const service of order) planner.started.set(service.name, planService(planner, service));
  if (options.wait) {
    for (const service of order) for (const id of instanceIds(service)) planReady(planner, id);
  }
  return plan.build();
}

/** Instances of services that the compose file does not have. */
export function findOrphans(project: Project, observed: Observed): readonly ObservedInstance[] {
  const others = new Set<string>(project.otherServices);
  return observed.instances.filter(({ service }) => project.services[service] === undefined && !others.has(service));
}

interface Planner {
  readonly plan: PlanBuilder;
  readonly observed: Observed;
  readonly options: ReconcileOptions;
  readonly infrastructure: Infrastructure;
  readonly services: Readonly<Record<string, Service>>;
  /** service -> its start nodes */
  readonly started: Map<string, readonly number[]>;
  /** `id condition` -> the node that waits for it */
  readonly awaits: Map<string, number>;
}

function planService(planner: Planner, service: Service): readonly number[] {
  const existing = planner.observed.instances.filter((instance) => instance.service === service.name);
  const surplus = existing.filter((instance) => instance.index > service.replicas);
  for (const extra of surplus) planRemoval(planner.plan, extra, service.stopGraceMs, 'scale down');
  const pending = instanceIds(service).flatMap((id, at) => {
    const current = existing.find((instance) => instance.index === at + 1);
    const todo = decide(service, current, planner.options);
    return todo === undefined ? [] : [{ id, index: at + 1, current, todo }];
  });
  if (pending.length === 0) return [];

  const creates = pending.some((one) => one.todo.recreate);
  const prepared = creates ? [planPrepare(planner.plan, service)] : [];
  const created = pending.map((one) => {
    if (!one.todo.recreate) return { ...one, needs: [] as number[], cause: one.todo.cause };
    const removed =
      one.current === undefined
        ? []
        : [planRemoval(planner.plan, one.current, service.stopGraceMs, one.todo.cause, prepared)];
    const create = planner.plan.add(
      { op: 'instance.create', id: one.id, service, index: one.index },
      `service:${one.id}`,
      one.todo.cause,
      [...prepared, ...removed, ...planner.infrastructure.neededBy(service)],
    );
    return { ...one, needs: [create], cause: 'created' };
  });
  if (!planner.options.start) return [];
  const gates = planGates(planner, service);
  return created.map((one) =>
    planner.plan.add({ op: 'instance.start', id: one.id }, `service:${one.id}`, one.cause, [...one.needs, ...gates]),
  );
}

interface Todo {
  readonly recreate: boolean;
  readonly cause: string;
}

/** Undefined: the instance is as it should be. */
function decide(service: Service, current: ObservedInstance | undefined, options: ReconcileOptions): Todo | undefined {
  if (current === undefined) return { recreate: true, cause: 'not found' };
  if (current.kind !== service.kind) return { recreate: true, cause: `was a ${current.kind} service` };
  if (options.recreate === 'always') return { recreate: true, cause: 'forced' };
  if (options.recreate === 'changed' && current.configHash !== options.hash(service)) {
    return { recreate: true, cause: 'config changed' };
  }
  if (!options.start || current.state.at === 'running' || current.state.at === 'backoff') return undefined;
  // A Wasm instance whose process is gone has nothing left that could be started.
  const lost = current.state.at === 'exited' && current.state.exit.how === 'lost';
  return { recreate: lost, cause: lost ? 'lost' : current.state.at };
}

function planPrepare(plan: PlanBuilder, service: Service): number {
  const cause = service.kind === 'container' ? service.image : 'module';
  return plan.add({ op: 'artifact.prepare', service }, `service:${service.name}`, cause);
}

/** A dependency condition is a node like any other, so `up` is one graph from pull to healthy. */
function planGates(planner: Planner, service: Service): readonly number[] {
  return service.dependsOn.flatMap((dependency) => {
    const target = planner.services[dependency.service];
    if (target === undefined) return [];
    const starts = planner.started.get(dependency.service) ?? [];
    if (dependency.condition === 'started') return starts;
    return instanceIds(target).map((id) =>
      planAwait(
        planner,
        id,
        dependency.condition,
        `needed ${dependency.condition} by ${service.name}`,
        dependency.required,
      ),
    );
  });
}

function planAwait(
  planner: Planner,
  id: InstanceId,
  condition: AwaitCondition,
  cause: string,
  required: boolean,
): number {
  const key = awaitKey(id, condition, required);
  const known = planner.awaits.get(key);
  if (known !== undefined) return known;
  const service = id.slice(0, id.lastIndexOf('#'));
  const needs = planner.started.get(service) ?? [];
  const node = planner.plan.add({ op: 'instance.await', id, condition, required }, `service:${id}`, cause, needs);
  planner.awaits.set(key, node);
  return node;
}

/** What somebody waits for until it is healthy needs no second wait. */
function planReady(planner: Planner, id: InstanceId): void {
  if (planner.awaits.has(awaitKey(id, 'healthy', true))) return;
  planAwait(planner, id, 'ready', '--wait', true);
}

function awaitKey(id: InstanceId, condition: AwaitCondition, required: boolean): string {
  return `${id} ${condition} ${String(required)}`;
}

function planRemoval(
  plan: PlanBuilder,
  instance: ObservedInstance,
  graceMs: number,
  cause: string,
  needs: readonly number[] = [],
): number {
  const subject = `service:${instance.id}`;
  const stop = plan.add({ op: 'instance.stop', instance, graceMs }, subject, cause, needs);
  return plan.add({ op: 'instance.remove', instance }, subject, cause, [stop]);
}

function removeOrphans(plan: PlanBuilder, project: Project, observed: Observed): void {
  for (const orphan of findOrphans(project, observed)) planRemoval(plan, orphan, DEFAULT_GRACE_MS, 'orphan');
}

function instanceIds(service: Service): readonly InstanceId[] {
  return Array.from({ length: service.replicas }, (_, at) => instanceId(service.name, at + 1));
}

/** The Engine's grace for a container that names none. */
export const DEFAULT_GRACE_MS = 10_000;
