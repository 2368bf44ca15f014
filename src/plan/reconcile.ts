import { instanceId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { AwaitCondition, Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { PlanBuilder } from './builder.ts';
import { affectedServices, findChanged } from './changed-resources.ts';
import type { Changed } from './changed-resources.ts';
import { selectServices, startOrder } from './graph.ts';
import { planInfrastructure } from './infrastructure.ts';
import type { Infrastructure } from './infrastructure.ts';
import { referencedServices } from './references.ts';
import { Removals } from './removals.ts';
import { chooseReplicas } from './replicas.ts';
import { whyRecreate } from './why-recreate.ts';
import type { RecreatePolicy } from './why-recreate.ts';

export interface ReconcileOptions {
  /** Of the services that are named, or of all where none is. */
  readonly recreate: RecreatePolicy;
  /** Of what the named services depend on. */
  readonly recreateDependencies: RecreatePolicy;
  /** Services named on the command line; none: all. */
  readonly services: readonly string[];
  /** Also the dependencies of the named services. */
  readonly withDependencies: boolean;
  readonly removeOrphans: boolean;
  /** Create only. */
  readonly start: boolean;
  /** Ends with a node per service that waits until it is ready. */
  readonly wait: boolean;
  /** An instance that is made anew gets new volumes in the place of those that nobody named. */
  readonly renewVolumes: boolean;
  /** Keys of volumes that may be made anew, with the loss of what is in them, because their configuration changed. */
  readonly replaceVolumes: 'all' | readonly string[];
  /** Overrides each service's own grace. */
  readonly graceMs: number | undefined;
  readonly hash: (service: Service) => string;
}

/** Pure: desired + observed in, plan out. No clock, no I/O, no engine types. Planning what is there already is an empty plan. */
export function reconcile(project: Project, observed: Observed, options: ReconcileOptions): Plan {
  const plan = new PlanBuilder();
  const changed = findChanged(project, observed, options.replaceVolumes);
  const selected = selectServices(project.services, options.services, options.withDependencies);
  const affected = affectedServices(changed, project, observed.instances);
  const services = { ...selected, ...Object.fromEntries(affected.map((service) => [service.name, service])) };
  const order = startOrder(services);
  const removals = new Removals(plan, options.graceMs);
  const infrastructure = planInfrastructure(plan, project, services, observed, { changed, removals });
  if (options.removeOrphans) {
    for (const orphan of findOrphans(project, observed)) removals.remove(orphan, DEFAULT_GRACE_MS, 'orphan');
    for (const instance of observed.oneOffs ?? [])
      plan.add({ op: 'instance.remove', instance }, `service:${instance.id}`, 'orphan');
  }
  const planner: Planner = {
    plan,
    project,
    observed,
    options,
    changed,
    removals,
    infrastructure,
    services,
    ids: new Map(),
    created: new Map(),
    started: new Map(),
    recreated: new Set(),
    awaits: new Map(),
  };
  for (const service of order) planService(planner, service);
  if (options.wait) {
    for (const service of order) for (const id of planner.ids.get(service.name) ?? []) planReady(planner, id);
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
  readonly project: Project;
  readonly observed: Observed;
  readonly options: ReconcileOptions;
  readonly changed: Changed;
  readonly removals: Removals;
  readonly infrastructure: Infrastructure;
  readonly services: Readonly<Record<string, Service>>;
  /** service -> the instances that it has when the plan is done */
  readonly ids: Map<string, readonly InstanceId[]>;
  /** service -> its create nodes */
  readonly created: Map<string, readonly number[]>;
  /** service -> its start nodes */
  readonly started: Map<string, readonly number[]>;
  /** Services of which an instance is made anew. */
  readonly recreated: Set<string>;
  /** `id condition` -> the node that waits for it */
  readonly awaits: Map<string, number>;
}

/** One instance that something is to be done to. */
interface Todo {
  readonly id: InstanceId;
  readonly index: number;
  readonly current: ObservedInstance | undefined;
  readonly create: boolean;
  readonly cause: string;
  /** The nodes that remove others of its number, which may have its name. */
  readonly twins?: readonly number[];
}

function planService(planner: Planner, service: Service): void {
  const todos = planReplicas(planner, service);
  const made = planCreations(planner, service, todos);
  if (!planner.options.start || made.length === 0) return;
  const gates = planGates(planner, service);
  const starts = made.map(({ id, cause, needs }) =>
    planner.plan.add({ op: 'instance.start', id }, `service:${id}`, cause, [...needs, ...gates]),
  );
  planner.started.set(service.name, starts);
}

/** What is to be done to each replica; those that are too many are removed. */
function planReplicas(planner: Planner, service: Service): readonly Todo[] {
  const existing = planner.observed.instances.filter((instance) => instance.service === service.name);
  const causes = new Map(existing.map((instance) => [instance, whyAnew(planner, service, instance)]));
  const isObsolete = (instance: ObservedInstance): boolean => causes.get(instance) !== undefined;
  const { kept, surplus, added } = chooseReplicas(existing, service.replicas, isObsolete);
  const gone = surplus.map((extra) => ({
    id: extra.id,
    node: planner.removals.remove(extra, service.stopGraceMs, 'scale down'),
  }));
  const todos = kept.flatMap((current): readonly Todo[] => {
    const { id, index } = current;
    const anew = causes.get(current);
    const twins = gone.filter((one) => one.id === id).map(({ node }) => node);
    if (anew !== undefined) return [{ id, index, current, create: true, cause: anew, twins }];
    const cause = whyStart(planner, current);
    return cause === undefined ? [] : [{ id, index, current, create: false, cause }];
  });
  const missing = added.map((index): Todo => {
    const id = instanceId(service.name, index);
    return { id, index, current: undefined, create: true, cause: 'not found' };
  });
  planner.ids.set(service.name, [...kept.map(({ id }) => id), ...missing.map(({ id }) => id)]);
  return [...todos, ...missing];
}

function whyAnew(planner: Planner, service: Service, current: ObservedInstance): string | undefined {
  const { options, project, observed, changed, recreated } = planner;
  const named = options.services.length === 0 || options.services.includes(service.name);
  const policy = named ? options.recreate : options.recreateDependencies;
  const hash = options.hash(service);
  const cause = whyRecreate(service, current, { project, observed, changed, policy, hash, recreated });
  if (cause !== undefined || !options.start) return cause;
  // A Wasm instance whose process is gone has nothing left that could be started.
  return current.state.at === 'exited' && current.state.exit.how === 'lost' ? 'lost' : undefined;
}

function whyStart({ removals }: Planner, current: ObservedInstance): string | undefined {
  if (removals.isStopped(current)) return 'dependency made anew';
  const { at } = current.state;
  return at === 'running' || at === 'backoff' ? undefined : at;
}

interface Made {
  readonly id: InstanceId;
  readonly cause: string;
  readonly needs: readonly number[];
}

function planCreations(planner: Planner, service: Service, todos: readonly Todo[]): readonly Made[] {
  const { plan, options, removals, created } = planner;
  if (!todos.some((one) => one.create)) return todos.map((one) => ({ ...one, needs: [] }));
  const replaced = todos.some((one) => one.create && one.current !== undefined);
  if (replaced) planner.recreated.add(service.name);
  const prepared = planPrepare(plan, service);
  const peers = referencedServices(service).flatMap((name) => created.get(name) ?? []);
  const needed = [prepared, ...peers, ...planner.infrastructure.neededBy(service)];
  const create = (one: Todo, needs: readonly number[], replaces?: ObservedInstance): number => {
    const { id, index } = one;
    const more = { ...(options.renewVolumes ? { renewVolumes: true } : {}), ...(replaces && { replaces }) };
    return plan.add({ op: 'instance.create', id, service, index, ...more }, `service:${id}`, one.cause, needs);
  };
  // The old one goes when the new one is there: where that cannot be made, it stays.
  const beside = new Map(
    todos.flatMap((one) =>
      canBeBeside(one, service, removals) ? [[one, create(one, needed, one.current)] as const] : [],
    ),
  );
  const stopped = replaced ? stopDependants(planner, service, [prepared, ...beside.values()]) : [];
  const made = todos.map((one): Made => {
    if (!one.create) return { ...one, needs: [] };
    const { id, index, current, twins = [] } = one;
    const replacement = beside.get(one);
    const ready = replacement === undefined ? [prepared] : [replacement];
    const removed =
      current === undefined ? [] : [removals.remove(current, service.stopGraceMs, one.cause, [...ready, ...stopped])];
    const node =
      replacement === undefined
        ? create(one, [...needed, ...removed, ...twins])
        : plan.add({ op: 'instance.rename', id, service, index }, `service:${id}`, one.cause, [
            replacement,
            ...removed,
            ...twins,
          ]);
    return { id, cause: 'created', needs: [node] };
  });
  created.set(
    service.name,
    made.flatMap(({ needs }) => needs),
  );
  return made;
}

/** Two containers of one replica differ by their names; a Wasm instance has nothing but its id. */
function canBeBeside({ create, current }: Todo, service: Service, removals: Removals): boolean {
  if (!create || current === undefined || removals.isRemoved(current)) return false;
  return service.kind === 'container' && current.kind === 'container';
}

/** Those that asked for it with `restart: true` stop before what they depend on is made anew, and start after it. */
function stopDependants(planner: Planner, service: Service, needs: readonly number[]): readonly number[] {
  const dependants = Object.values(planner.services).filter(({ dependsOn }) =>
    dependsOn.some((dependency) => dependency.service === service.name && dependency.restart),
  );
  return dependants.flatMap((dependant) =>
    planner.observed.instances
      .filter(({ service: name, state }) => name === dependant.name && state.at === 'running')
      .map((instance) =>
        planner.removals.stop(instance, dependant.stopGraceMs, `dependency ${service.name} is made anew`, needs),
      ),
  );
}

function planPrepare(plan: PlanBuilder, service: Service): number {
  const cause = service.kind === 'container' ? service.image : 'module';
  return plan.add({ op: 'artifact.prepare', service }, `service:${service.name}`, cause);
}

/** A dependency condition is a node like any other, so `up` is one graph from pull to healthy. */
function planGates(planner: Planner, service: Service): readonly number[] {
  return service.dependsOn.flatMap((dependency) => {
    if (planner.services[dependency.service] === undefined) return [];
    const starts = planner.started.get(dependency.service) ?? [];
    if (dependency.condition === 'started') return starts;
    return (planner.ids.get(dependency.service) ?? []).map((id) =>
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

/** The Engine's grace for a container that names none. */
export const DEFAULT_GRACE_MS = 10_000;
