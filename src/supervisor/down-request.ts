import type { DownRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import type { Observed } from '../model/state.ts';
import { formatPlan } from '../plan/builder.ts';
import { findOrphans } from '../plan/reconcile.ts';
import { planDown } from '../plan/teardown.ts';
import { engineForDown } from './needs-engine.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { checkNames, warnOrphans } from './request-notes.ts';
import { runPlan } from './run-plan.ts';
import { readProjectFile, removeProjectFile } from './state-file.ts';

/** `down`: ends and removes what there is, and forgets the project when nothing is left. Returns what failed. */
export async function takeDown(
  state: ProjectState,
  request: DownRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { dirs, hub, wasm, instances, name } = state.parts;
  state.chooseEngine(request.engineEnv, emit);
  const stored = await readProjectFile(dirs.project);
  const project = request.project ?? stored;
  const known = [request.project, stored].filter((one) => one !== undefined);
  const engine = await engineForDown(state.parts.engine, known, signal);
  const observed = await state.observe(engine, signal);
  instances.replaceAll(observed.instances, engine);
  if (!request.dryRun && request.services.length === 0) await wasm.endOneOffs(signal);
  const oneOffs = (await engine?.actions.oneOffs(name, signal)) ?? [];
  const all = { ...observed, instances: [...observed.instances, ...oneOffs] };
  const plan = planRequest(request, project, all);
  emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
  if (request.dryRun) return [];
  const orphans = project === undefined || request.removeOrphans ? [] : findOrphans(project, observed);
  warnOrphans(orphans, emit);
  if (plan.nodes.length === 0 && state.former.length === 0)
    emit({ type: 'warning', message: `No resource found to remove for project "${name}".` });
  const failures = await runPlan(state, plan, { project, engine, emit, failFast: false }, signal);
  // What was not done is still there, and so is what is known of it.
  signal.throwIfAborted();
  if (failures.length > 0 || orphans.length > 0 || leavesSome(request, plan, all)) return failures;
  if (engine !== undefined) await wasm.removeStaleRelays(signal);
  state.former = [];
  await state.parts.record.remove();
  await removeProjectFile(dirs.project);
  hub.clear();
  state.empty = true;
  return [];
}

function planRequest(request: DownRequest, project: Project | undefined, observed: Observed): Plan {
  const { services, removeVolumes, removeOrphans, timeoutMs } = request;
  if (services.length > 0 && request.project !== undefined) checkNames(services, project, observed);
  return planDown(observed, { project, services, removeVolumes, removeOrphans, graceMs: timeoutMs });
}

/** Only some services were to go, and there were others. */
function leavesSome({ services }: DownRequest, plan: Plan, observed: Observed): boolean {
  const removed = plan.nodes.filter(({ operation }) => operation.op === 'instance.remove').length;
  return services.length > 0 && removed < observed.instances.length;
}
