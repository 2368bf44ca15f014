import { relative } from 'node:path';

import type { NodeView, SupervisorEvent } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import { parseInstanceId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Operation, Plan, PlanNode } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import { executePlan } from '../plan/execute.ts';
import type { NodeOutcome } from '../plan/execute.ts';
import { limit } from '../util/limit.ts';
import type { Limiter } from '../util/limit.ts';

export interface ApplyPlanOptions {
  readonly projectName: string;
  readonly project: Project | undefined;
  readonly run: (operation: Operation, signal: AbortSignal) => Promise<void>;
  readonly emit: (event: SupervisorEvent) => void;
  /** The first failure ends the whole plan instead of its own branch only. */
  readonly failFast: boolean;
}

/** Runs a plan and tells of each node; returns what failed, in the order of the plan. */
export async function applyPlan(
  plan: Plan,
  options: ApplyPlanOptions,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const limits = createLimits();
  const stop = new AbortController();
  const outcomes = await executePlan(
    plan,
    {
      run: options.run,
      now: () => performance.now(),
      limit: (operation) => limits[limitClass(operation)],
      onNode: (node, outcome) => {
        const view = viewNode(node, outcome, options);
        options.emit({ type: 'node', node: view, outcome: view.outcome });
        if (options.failFast && outcome.result === 'failed') stop.abort();
      },
    },
    AbortSignal.any([signal, stop.signal]),
  );
  return [...outcomes.values()].flatMap((outcome) => (outcome.result === 'failed' ? [toWireError(outcome.error)] : []));
}

function viewNode(
  node: PlanNode,
  outcome: NodeOutcome | { readonly result: 'running' },
  options: ApplyPlanOptions,
): NodeView {
  return {
    id: node.id,
    op: node.operation.op,
    subject: node.subject,
    title: title(node.operation, options),
    outcome: outcome.result,
    ms: 'ms' in outcome ? Math.round(outcome.ms) : undefined,
    detail: outcome.result === 'failed' ? toWireError(outcome.error).message : undefined,
  };
}

/** The words docker compose uses for the same thing; a Wasm instance is called what it is. */
function title(operation: Operation, options: ApplyPlanOptions): string {
  switch (operation.op) {
    case 'network.create':
    case 'network.remove':
      return `Network ${operation.network.name}`;
    case 'volume.create':
    case 'volume.remove':
      return `Volume ${operation.volume.name}`;
    case 'artifact.push':
      return `Image ${operation.image}`;
    case 'artifact.build':
    case 'artifact.prepare':
      return prepareTitle(operation.service, options.project);
    case 'instance.create':
    case 'instance.rename':
      return instanceTitle(operation.service, operation.index, options.projectName);
    case 'instance.start':
    case 'instance.await':
      return knownTitle(operation.id, options);
    case 'instance.stop':
    case 'instance.remove': {
      const { kind, name } = operation.instance;
      return `${kind === 'wasm' ? 'Wasm' : 'Container'} ${name}`;
    }
  }
}

function knownTitle(id: InstanceId, { project, projectName }: ApplyPlanOptions): string {
  const { service: name, index } = parseInstanceId(id);
  const service = project?.services[name];
  return service === undefined ? `${projectName}-${name}-${index}` : instanceTitle(service, index, projectName);
}

/** A module is named by its file, as the compose file names it where it is below the project. */
export function prepareTitle(service: Service, project: Project | undefined): string {
  if (service.kind === 'container') return `Image ${service.image}`;
  if (service.module.from === 'oci') return `Image ${service.module.reference}`;
  if (service.module.from === 'catalog' || service.rootDirectory !== undefined) return `Module ${service.name}`;
  const { path } = service.module;
  const inside = relative(project?.workingDir ?? '', path);
  return `Module ${inside.startsWith('..') ? path : inside}`;
}

function instanceTitle(service: Service, index: number, projectName: string): string {
  const kind = service.kind === 'wasm' ? 'Wasm' : 'Container';
  return `${kind} ${service.containerName ?? `${projectName}-${service.name}-${index}`}`;
}

type LimitClass = 'build' | 'prepare' | 'engine' | 'wait';

function limitClass(operation: Operation): LimitClass {
  if (operation.op === 'artifact.build') return 'build';
  if (operation.op === 'artifact.prepare' || operation.op === 'artifact.push') return 'prepare';
  return operation.op === 'instance.await' ? 'wait' : 'engine';
}

/** Waiting takes nothing from anybody and must never keep an operation it waits for from running. */
function createLimits(): Readonly<Record<LimitClass, Limiter>> {
  return { build: limit(3), prepare: limit(3), engine: limit(8), wait: async (task) => await task() };
}
