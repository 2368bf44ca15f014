import type { ApplyRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import { selectServices } from '../plan/graph.ts';
import { planMissing } from './build-request.ts';
import type { EngineSide } from './engine-access.ts';
import { forgetImages, resolveModules } from './image-modules.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { runPlan } from './run-plan.ts';

export interface Artifacts {
  /** With the modules of images as files. */
  readonly project: Project;
  /** What was made; of a dry run: what would be. */
  readonly builds: Plan;
  /** Not empty: nothing else is to be done. */
  readonly failures: readonly WireError[];
}

/**
 * Images and modules of the services that are applied. Before their plan: whether a service is to be made anew depends on
 * its image and its module.
 */
export async function makeArtifacts(
  state: ProjectState,
  request: ApplyRequest,
  {
    engine,
    stored,
    emit,
  }: { readonly engine: EngineSide | undefined; readonly stored: Project | undefined; readonly emit: Emit },
  signal: AbortSignal,
): Promise<Artifacts> {
  const { project, dryRun, failFast } = request;
  const chosen = selectServices(project.services, request.services, request.withDependencies);
  const builds = await planMissing(project, Object.values(chosen), { when: request.build, engine }, signal);
  if (!dryRun && builds.nodes.length > 0) {
    const build = { options: {}, environment: request.buildEnvironment ?? {}, allPlatforms: false };
    const failures = await runPlan(state, builds, { project, engine, emit, failFast, build }, signal);
    signal.throwIfAborted();
    if (failures.length > 0) return { project, builds, failures };
  }
  const options = { selected: new Set(Object.keys(chosen)), stored, dryRun };
  const resolved = await resolveModules(project, { files: state.parts.images, engine }, options, signal);
  return { project: resolved, builds, failures: [] };
}

/** Files of images that neither the project nor an instance is made of any more. */
export async function forgetArtifacts(state: ProjectState, project: Project, signal: AbortSignal): Promise<void> {
  const { wasm, name, images } = state.parts;
  const live = await wasm.runtime.observe(name, signal);
  await forgetImages(
    images,
    project,
    live.map(({ image }) => image),
  );
}
