import { instanceId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Plan } from '../model/plan.ts';
import type { DependencyCondition, Project, Service } from '../model/project.ts';
import { exitCode } from '../model/state.ts';
import type { Observed } from '../model/state.ts';
import { chainPlans, PlanBuilder } from './builder.ts';
import { selectServices } from './graph.ts';
import { planInfrastructure } from './infrastructure.ts';
import { reconcile } from './reconcile.ts';
import { chooseReplicas } from './replicas.ts';
import type { ReconcileOptions } from './reconcile.ts';

/**
 * What must be there before a one-off instance of a service is made: its dependencies, in the condition that the file
 * asks for, its networks and volumes, its image or module. The service's own instances are left as they are.
 */
export function planRun(project: Project, observed: Observed, name: string, options: ReconcileOptions): Plan {
  const chosen = selectServices(project.services, [name], false);
  const service = chosen[name];
  if (service === undefined) return { nodes: [] };
  const needed = options.withDependencies
    ? service.dependsOn.filter((dependency) => project.services[dependency.service] !== undefined)
    : [];
  const services = needed.map((dependency) => dependency.service);
  const before = services.length === 0 ? { nodes: [] } : reconcile(project, observed, { ...options, services });
  const plan = new PlanBuilder();
  planInfrastructure(plan, project, chosen, withCreated(observed, before), undefined);
  const cause = service.kind === 'container' ? service.image : 'module';
  plan.add({ op: 'artifact.prepare', service }, `service:${service.name}`, cause);
  for (const { service: target, condition, required } of needed) {
    if (condition === 'started') continue;
    for (const id of idsOf(project.services[target], observed)) {
      if (isMet(id, condition, observed, before)) continue;
      plan.add(
        { op: 'instance.await', id, condition, required },
        `service:${id}`,
        `needed ${condition} by ${service.name}`,
      );
    }
  }
  return chainPlans(before, plan.build());
}

/** What the first half of the plan makes, the second need not. */
function withCreated(observed: Observed, plan: Plan): Observed {
  const operations = plan.nodes.map((node) => node.operation);
  const networks = operations.flatMap((one) => (one.op === 'network.create' ? [{ ...one.network, id: '' }] : []));
  const volumes = operations.flatMap((one) => (one.op === 'volume.create' ? [{ ...one.volume, id: '' }] : []));
  return {
    ...observed,
    networks: [...observed.networks, ...networks],
    volumes: [...observed.volumes, ...volumes],
  };
}

/** Healthy or completed already, and nothing is done to it before: nobody needs to be told of a wait. */
function isMet(id: InstanceId, condition: DependencyCondition, observed: Observed, before: Plan): boolean {
  if (before.nodes.some((node) => node.subject === `service:${id}`)) return false;
  const state = observed.instances.find((instance) => instance.id === id)?.state;
  if (condition === 'healthy') return state?.at === 'running' && state.health === 'healthy';
  return state?.at === 'exited' && exitCode(state.exit) === 0;
}

/** Those that stay and those that are made, as `reconcile` chooses them. */
function idsOf(service: Service | undefined, observed: Observed): readonly InstanceId[] {
  if (service === undefined) return [];
  const existing = observed.instances.filter((instance) => instance.service === service.name);
  const { kept, added } = chooseReplicas(existing, service.replicas, () => false);
  return [...kept.map(({ id }) => id), ...added.map((index) => instanceId(service.name, index))];
}
