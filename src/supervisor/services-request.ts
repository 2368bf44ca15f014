import type { ServicesRequest } from '../control/protocol.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { chainPlans, formatPlan } from '../plan/builder.ts';
import { reconcile } from '../plan/reconcile.ts';
import { planRemove } from '../plan/remove.ts';
import { planRestart, planStart, planStop } from '../plan/teardown.ts';
import { engineForDown } from './needs-engine.ts';
import type { Emit, ProjectState } from './project-state.ts';
import { checkNames } from './request-notes.ts';
import { runPatiently } from './run-patiently.ts';
import { runPlan } from './run-plan.ts';
import { readProjectFile } from './state-file.ts';

/** `start`, `stop`, `restart`, `kill`, `rm`: something is done to what exists. Returns what failed. */
export async function changeServices(
  state: ProjectState,
  request: ServicesRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly WireError[]> {
  const { dirs, hub, instances, wasm, name } = state.parts;
  state.chooseEngine(request.engineEnv, emit);
  const project = await readProjectFile(dirs.project);
  const engine = await engineForDown(state.parts.engine, project === undefined ? [] : [project], signal);
  if (project !== undefined) wasm.setProject(project);
  const observed = await state.observe(engine, signal);
  checkNames(request.services, project, observed);
  if (observed.instances.length === 0 && state.former.length === 0) {
    emit({ type: 'warning', message: `Nothing of project "${name}" exists; \`wcompose up\` creates it.` });
    // A process that was started for nothing leaves nothing.
    state.empty = project === undefined;
  }
  instances.replaceAll(observed.instances, engine);
  const plan = planServices(state, request, project, observed);
  emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
  const failures = await runPatiently(
    request.waitTimeoutMs,
    async (inner) => await runPlan(state, plan, { project, engine, emit, failFast: false }, inner),
    signal,
  );
  if (request.action === 'remove') {
    const left = ({ service }: ObservedInstance): boolean =>
      request.services.length > 0 && !request.services.includes(service);
    state.former = state.former.filter(left);
  }
  await state.recordWasm();
  return failures;
}

function planServices(
  state: ProjectState,
  request: ServicesRequest,
  project: Project | undefined,
  observed: Observed,
): Plan {
  const { action, services } = request;
  const options = {
    services,
    graceMs: request.timeoutMs,
    withOthers: request.withoutDependencies !== true,
    wait: request.wait === true,
  };
  switch (action) {
    case 'stop':
      return planStop(observed, project, services, request.timeoutMs);
    case 'kill':
      return planStop(observed, project, services, 0);
    case 'remove': {
      const ended = [...observed.instances, ...state.notStartedAgain(observed.instances)];
      return planRemove({ ...observed, instances: ended }, services, request.volumes === true);
    }
    case 'start':
      return chainPlans(planStart(observed, project, options), planFormer(state, request, project, observed));
    case 'restart':
      return chainPlans(planRestart(observed, project, options), planFormer(state, request, project, observed));
  }
}

/** Wasm instances end with their supervisor; `start` makes them anew, as it starts a container that stopped. */
function planFormer(
  state: ProjectState,
  request: ServicesRequest,
  project: Project | undefined,
  observed: Observed,
): Plan {
  const names = state
    .notStartedAgain(observed.instances)
    .map((instance) => instance.service)
    .filter((name) => request.services.length === 0 || request.services.includes(name))
    .filter((name) => project?.services[name] !== undefined);
  if (project === undefined || names.length === 0) return { nodes: [] };
  return reconcile(project, observed, {
    recreate: 'never',
    services: [...new Set(names)],
    withDependencies: false,
    removeOrphans: false,
    start: true,
    wait: false,
    recreateDependencies: 'never',
    renewVolumes: false,
    replaceVolumes: [],
    graceMs: request.timeoutMs,
    hash: (service) => state.hash(service, project, observed.instances),
  });
}
