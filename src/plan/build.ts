import { WcError } from '../model/diagnostic.ts';
import { contextService } from '../model/image-build.ts';
import type { Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import { PlanBuilder } from './builder.ts';

export interface BuildPlanOptions {
  /** `missing`: what is not there yet, and what the file wants to be built each time. */
  readonly when: 'missing' | 'always' | 'never';
  /** Services whose image or module is there already. */
  readonly present: ReadonlySet<string>;
}

/** True for a service that something is made for before it can run. */
export function isBuilt(service: Service): boolean {
  return service.imageBuild !== undefined || (service.kind === 'wasm' && service.build !== undefined);
}

/**
 * What is to be made for these services, and for the services whose images are contexts of theirs: those first. A cycle
 * of contexts is ERR_COMPOSE_INVALID.
 */
export function planBuild(services: readonly Service[], project: Project, options: BuildPlanOptions): Plan {
  const plan = new PlanBuilder();
  /** undefined: on the way to it; null: nothing is to be made. */
  const planned = new Map<string, number | null | undefined>();
  const visit = (service: Service, trail: readonly string[]): number | null => {
    const { name } = service;
    if (trail.includes(name)) throw cycle(service, trail);
    const known = planned.get(name);
    if (known !== undefined) return known;
    const contexts = contextsOf(service).flatMap((from) => project.services[from] ?? []);
    const needs = contexts.map((context) => visit(context, [...trail, name])).filter((id) => id !== null);
    const cause = causeOf(service, options, needs.length > 0);
    const id =
      cause === undefined ? null : plan.add({ op: 'artifact.build', service }, `service:${name}`, cause, needs);
    planned.set(name, id);
    return id;
  };
  for (const service of services) visit(service, []);
  return plan.build();
}

function causeOf(service: Service, { when, present }: BuildPlanOptions, afresh: boolean): string | undefined {
  if (when === 'never' || !isBuilt(service)) return undefined;
  if (when === 'always') return 'asked for';
  if (service.pullPolicy === 'build') return 'pull_policy is build';
  if (!present.has(service.name)) return 'not there';
  return afresh ? 'its context is built' : undefined;
}

function contextsOf(service: Service): readonly string[] {
  return Object.values(service.imageBuild?.additionalContexts ?? {}).flatMap(
    (context) => contextService(context) ?? [],
  );
}

function cycle(service: Service, trail: readonly string[]): WcError {
  const names = [...trail.slice(trail.indexOf(service.name)), service.name].join(' -> ');
  return new WcError('ERR_COMPOSE_INVALID', `build contexts are a cycle: ${names}`, {
    source: service.imageBuild?.places['additional_contexts'] ?? service.source,
    hint: 'remove one of these additional_contexts',
  });
}
