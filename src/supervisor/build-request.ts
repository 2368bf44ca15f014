import type { BuildRequest } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { Project, Service } from '../model/project.ts';
import { isBuilt, planBuild } from '../plan/build.ts';
import { formatPlan } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { applyPlan } from './apply-plan.ts';
import { buildService, builtAlready, imageName } from './build-service.ts';
import type { EngineSide } from './engine-access.ts';
import type { ImageRequestParts } from './image-request-parts.ts';
import { progressView } from './progress-view.ts';
import type { Emit } from './project-state.ts';
import type { Plan } from '../model/plan.ts';

/** `build`: makes images and modules, changes nothing of what runs, and waits for no request before it. Ends with `end`. */
export async function buildImages(
  parts: ImageRequestParts,
  request: BuildRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { project } = request;
    parts.engine.choose(request.engineEnv);
    const chosen = Object.values(selectServices(project.services, request.services, request.withDependencies));
    const plan = planBuild(chosen, project, { when: 'always', present: new Set() });
    emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: 0 });
    if (plan.nodes.length === 0) emit({ type: 'warning', message: 'No services to build' });
    if (request.dryRun) {
      emit({ type: 'end', ok: true, failures: [] });
      return;
    }
    const needsEngine = chosen.some((service) => service.imageBuild !== undefined);
    const engine = needsEngine ? await parts.engine.get(signal) : undefined;
    const how = { options: request.options, environment: request.environment, allPlatforms: true };
    const place = { project, engine, hub: parts.hub, emit };
    const failures = await applyPlan(
      plan,
      {
        projectName: project.name,
        project,
        run: async (operation, inner) => {
          if (operation.op !== 'artifact.build') return;
          await buildService(operation.service, how, place, inner);
          if (request.push) await pushBuilt(operation.service, { project, engine, emit }, inner);
        },
        emit,
        failFast: false,
      },
      signal,
    );
    emit({ type: 'end', ok: failures.length === 0 && !signal.aborted, failures });
  } catch (error) {
    emit({ type: 'end', ok: false, failures: signal.aborted ? [] : [toWireError(error)] });
  }
}

/** What is to be made before these services can run; looks at what is there. */
export async function planMissing(
  project: Project,
  chosen: readonly Service[],
  { when, engine }: { readonly when: 'missing' | 'always' | 'never'; readonly engine: EngineSide | undefined },
  signal: AbortSignal,
): Promise<Plan> {
  if (when === 'never' || !Object.values(project.services).some(isBuilt)) return { nodes: [] };
  const present =
    when === 'always' ? new Set<string>() : await builtAlready(Object.values(project.services), engine, signal);
  return planBuild(chosen, project, { when, present });
}

async function pushBuilt(
  service: Service,
  {
    project,
    engine,
    emit,
  }: { readonly project: Project; readonly engine: EngineSide | undefined; readonly emit: Emit },
  signal: AbortSignal,
): Promise<void> {
  if (service.imageBuild === undefined) return;
  for (const name of new Set([imageName(service), ...service.imageBuild.tags])) {
    await engine?.images.push(
      name,
      (step) => emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) }),
      signal,
    );
  }
}
