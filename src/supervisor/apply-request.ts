import type { ApplyRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { chainPlans, formatPlan } from '../plan/builder.ts';
import { changedVolumes } from '../plan/changed-resources.ts';
import { findOrphans, reconcile } from '../plan/reconcile.ts';
import { planRun } from '../plan/run.ts';
import { forgetArtifacts, makeArtifacts } from './make-artifacts.ts';
import { engineFor } from './needs-engine.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { warnOrphans } from './request-notes.ts';
import { runPatiently } from './run-patiently.ts';
import { runPlan } from './run-plan.ts';
import { readProjectFile, writeProjectFile } from './state-file.ts';

/** `up`, `create`, `scale`, and what `run` needs: what the file says becomes what there is. Returns what failed. */
export async function applyProject(
  state: ProjectState,
  request: ApplyRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { dirs, hub, wasm, instances } = state.parts;
  state.chooseEngine(request.engineEnv, emit);
  const stored = await readProjectFile(dirs.project);
  const known = [request.project, ...(stored === undefined ? [] : [stored])];
  const engine = await engineFor(state.parts.engine, known, request.project, signal);
  const made = await makeArtifacts(state, request, { engine, stored, emit }, signal);
  if (made.failures.length > 0) return made.failures;
  const { project } = made;
  if (!request.dryRun) {
    await writeProjectFile(dirs.project, project);
    wasm.setProject(project);
    // What is not of this process is a dead supervisor's: its names would be in the way.
    if (engine !== undefined) await wasm.removeStaleRelays(signal);
  }
  const observed = await state.observe(engine, signal);
  const asked = request.changedVolumes === 'ask' && !request.dryRun ? changedVolumes(project, observed) : [];
  if (asked.length > 0) {
    emit({ type: 'changed-volumes', volumes: asked.map(({ key, name }) => ({ key, name })) });
    return [];
  }
  const oneOffs = request.removeOrphans ? ((await engine?.actions.oneOffs(state.parts.name, signal)) ?? []) : [];
  const plan = planApply(state, { ...request, project }, made.builds, withEnded(observed, oneOffs));
  if (!request.removeOrphans && !request.ignoreOrphans) warnOrphans(findOrphans(project, observed), emit);
  emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
  if (request.dryRun) return [];
  state.empty = false;
  instances.replaceAll(observed.instances, engine);
  const failures = await runPatiently(
    request.waitTimeoutMs,
    async (inner) => await runPlan(state, plan, { project, engine, emit, failFast: request.failFast }, inner),
    signal,
  );
  state.former = state.former.filter((instance) => project.services[instance.service] !== undefined);
  await state.recordWasm();
  if (failures.length === 0) await forgetArtifacts(state, project, signal);
  return failures;
}

/** What is left of commands that have ended goes with the orphans. */
function withEnded(observed: Observed, oneOffs: readonly ObservedInstance[]): Observed {
  return { ...observed, oneOffs: oneOffs.filter(({ state }) => state.at === 'exited') };
}

/** A dry run shows also what would be built. */
function planApply(state: ProjectState, request: ApplyRequest, builds: Plan, observed: Observed): Plan {
  const { project, oneOff } = request;
  const options = {
    ...request,
    replaceVolumes: request.changedVolumes === 'ask' ? [] : request.changedVolumes,
    graceMs: request.timeoutMs,
    hash: (service: Service): string => state.hash(service, project, observed.instances),
  };
  const plan =
    oneOff === undefined ? reconcile(project, observed, options) : planRun(project, observed, oneOff, options);
  return request.dryRun && builds.nodes.length > 0 ? chainPlans(builds, plan) : plan;
}
