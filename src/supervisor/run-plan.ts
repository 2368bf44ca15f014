import type { NodeView } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Operation, Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import { applyPlan, prepareTitle } from './apply-plan.ts';
import type { EngineSide } from './engine-access.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { runOperation } from './run-operation.ts';

export interface RunPlanOptions {
  readonly project: Project | undefined;
  readonly engine: EngineSide | undefined;
  readonly emit: Emit;
  readonly failFast: boolean;
}

/** Does what a plan says, with everything the project consists of; returns what failed. */
export async function runPlan(
  state: ProjectState,
  plan: Plan,
  options: RunPlanOptions,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { wasm, volumes, instances, hub, name } = state.parts;
  const { emit } = options;
  const project = options.project ?? emptyProject(name);
  const context = {
    project,
    engine: options.engine,
    wasm: wasm.runtime,
    refreshFabric: async (inner: AbortSignal) => await wasm.refresh(inner),
    volumes,
    instances,
    hub,
    hash: (service: Service) => state.hash(service, project),
    progress: (service: Service, { step }: { readonly step: string }) =>
      emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) }),
    warn: (message: string) => emit({ type: 'warning', message }),
  };
  const run = async (operation: Operation, inner: AbortSignal): Promise<void> =>
    await runOperation(operation, context, inner);
  return await applyPlan(
    plan,
    { projectName: name, project: options.project, run, emit, failFast: options.failFast },
    signal,
  );
}

/** A step of making a service startable, as it is told to clients. */
export function progressView(service: Service, detail: string, project: Project): NodeView {
  return {
    id: 0,
    op: 'artifact.prepare',
    subject: `service:${service.name}`,
    title: prepareTitle(service, project),
    outcome: 'progress',
    detail,
  };
}

function emptyProject(name: ProjectName): Project {
  return { version: 1, name, workingDir: '', files: [], services: {}, networks: {}, volumes: {} };
}
