import type { WireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Operation, Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Progress } from '../runtime/runtime.ts';
import { applyPlan } from './apply-plan.ts';
import { AS_THE_FILE_SAYS } from './build-service.ts';
import type { BuildHow } from './build-service.ts';
import type { EngineSide } from './engine-access.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { progressView } from './progress-view.ts';
import { runOperation } from './run-operation.ts';

export interface RunPlanOptions {
  readonly project: Project | undefined;
  readonly engine: EngineSide | undefined;
  readonly emit: Emit;
  readonly failFast: boolean;
  /** How what the plan builds is built; undefined: as the file says. */
  readonly build?: BuildHow | undefined;
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
    replacements: new Map(),
    hub,
    hash: (service: Service) => state.hash(service, project, instances.containers()),
    build: options.build ?? AS_THE_FILE_SAYS,
    emit,
    progress: (service: Service, progress: Progress) =>
      emit({ type: 'node', outcome: 'progress', node: progressView(service, progress, project) }),
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

function emptyProject(name: ProjectName): Project {
  return { version: 1, name, workingDir: '', files: [], services: {}, networks: {}, volumes: {} };
}
