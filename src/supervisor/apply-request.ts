import type { ApplyRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed } from '../model/state.ts';
import { chainPlans, formatPlan } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { findOrphans, reconcile } from '../plan/reconcile.ts';
import { planRun } from '../plan/run.ts';
import { planMissing } from './build-request.ts';
import { forgetImages, resolveModules } from './image-modules.ts';
import { engineFor } from './needs-engine.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { timedOut, warnOrphans } from './request-notes.ts';
import { runPlan } from './run-plan.ts';
import { readProjectFile, writeProjectFile } from './state-file.ts';

/** `up`, `create`, `scale`, and what `run` needs: what the file says becomes what there is. Returns what failed. */
export async function applyProject(
  state: ProjectState,
  request: ApplyRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { dirs, hub, wasm, instances, images } = state.parts;
  state.chooseEngine(request.engineEnv, emit);
  const stored = await readProjectFile(dirs.project);
  const known = [request.project, ...(stored === undefined ? [] : [stored])];
  const engine = await engineFor(state.parts.engine, known, request.project, signal);
  const chosen = selectServices(request.project.services, request.services, request.withDependencies);
  // Before the plan: whether a service is to be made anew depends on its image and its module.
  const builds = await planMissing(request.project, Object.values(chosen), { when: request.build, engine }, signal);
  if (!request.dryRun) {
    const build = { options: {}, environment: request.buildEnvironment ?? {}, allPlatforms: false };
    const how = { project: request.project, engine, emit, failFast: request.failFast, build };
    const failures = await runPlan(state, builds, how, signal);
    signal.throwIfAborted();
    if (failures.length > 0) return failures;
  }
  const selected = new Set(Object.keys(chosen));
  const project = await resolveModules(
    request.project,
    { files: images, engine },
    { selected, stored, dryRun: request.dryRun },
    signal,
  );
  if (!request.dryRun) {
    await writeProjectFile(dirs.project, project);
    wasm.setProject(project);
    // What is not of this process is a dead supervisor's: its names would be in the way.
    if (engine !== undefined) await wasm.removeStaleRelays(signal);
  }
  const observed = await state.observe(engine, signal);
  const planned = planApply(state, { ...request, project }, observed);
  const plan = request.dryRun && builds.nodes.length > 0 ? chainPlans(builds, planned) : planned;
  if (!request.removeOrphans) warnOrphans(findOrphans(project, observed), emit);
  emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
  if (request.dryRun) return [];
  state.empty = false;
  instances.replaceAll(observed.instances, engine);
  const patience = request.waitTimeoutMs === undefined ? undefined : AbortSignal.timeout(request.waitTimeoutMs);
  const bounded = patience === undefined ? signal : AbortSignal.any([signal, patience]);
  const failures = await runPlan(state, plan, { project, engine, emit, failFast: request.failFast }, bounded);
  const late = patience?.aborted === true;
  state.former = state.former.filter((instance) => project.services[instance.service] !== undefined);
  await state.recordWasm();
  if (failures.length === 0) await forgetOld(state, project, signal);
  return late ? [...failures, timedOut(request.waitTimeoutMs ?? 0)] : failures;
}

function planApply(state: ProjectState, request: ApplyRequest, observed: Observed): Plan {
  const { project, oneOff } = request;
  const options = { ...request, hash: (service: Service): string => state.hash(service, project) };
  return oneOff === undefined ? reconcile(project, observed, options) : planRun(project, observed, oneOff, options);
}

/** Files of images that nothing is made of any more. */
async function forgetOld(state: ProjectState, project: Project, signal: AbortSignal): Promise<void> {
  const { wasm, name, images } = state.parts;
  const live = await wasm.runtime.observe(name, signal);
  await forgetImages(
    images,
    project,
    live.map(({ image }) => image),
  );
}
