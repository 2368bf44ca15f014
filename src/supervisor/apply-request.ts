import type { ApplyRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import { instanceId } from '../model/ids.ts';
import type { Plan } from '../model/plan.ts';
import type { Service } from '../model/project.ts';
import type { Observed } from '../model/state.ts';
import { formatPlan } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { findOrphans, reconcile } from '../plan/reconcile.ts';
import { planRun } from '../plan/run.ts';
import { buildModule, modulesToBuild } from './build-module.ts';
import { engineFor } from './needs-engine.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { timedOut, warnOrphans } from './request-notes.ts';
import { progressView, runPlan } from './run-plan.ts';
import { readProjectFile, writeProjectFile } from './state-file.ts';

/** `up`, `create`, `scale`, and what `run` needs: what the file says becomes what there is. Returns what failed. */
export async function applyProject(
  state: ProjectState,
  request: ApplyRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { project } = request;
  const { dirs, hub, wasm, instances } = state.parts;
  state.chooseEngine(request.engineEnv, emit);
  const stored = await readProjectFile(dirs.project);
  const known = [project, ...(stored === undefined ? [] : [stored])];
  const engine = await engineFor(state.parts.engine, known, project, signal);
  if (!request.dryRun) {
    await writeProjectFile(dirs.project, project);
    wasm.setProject(project);
    // What is not of this process is a dead supervisor's: its names would be in the way.
    if (engine !== undefined) await wasm.removeStaleRelays(signal);
  }
  if (!request.dryRun) await buildModules(state, request, emit, signal);
  const observed = await state.observe(engine, signal);
  const plan = planApply(state, request, observed);
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
  return late ? [...failures, timedOut(request.waitTimeoutMs ?? 0)] : failures;
}

function planApply(state: ProjectState, request: ApplyRequest, observed: Observed): Plan {
  const { project, oneOff } = request;
  const options = { ...request, hash: (service: Service): string => state.hash(service, project) };
  return oneOff === undefined ? reconcile(project, observed, options) : planRun(project, observed, oneOff, options);
}

/** Before the plan: whether a service is to be made anew depends on its module. */
async function buildModules(
  state: ProjectState,
  request: ApplyRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { project, services, withDependencies } = request;
  const selected = selectServices(project.services, services, withDependencies);
  for (const { service, build } of modulesToBuild(Object.values(selected), request.build)) {
    const tell = (step: string): void =>
      emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) });
    tell('Building');
    const logs = state.parts.hub.sink(instanceId(service.name, 1));
    await buildModule(service, build, { directory: project.workingDir, logs }, signal);
    tell('Built');
  }
}
