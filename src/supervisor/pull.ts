import type { PullRequest, SupervisorEvent } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { ContainerService, Project } from '../model/project.ts';
import { formatPlan, PlanBuilder } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { applyPlan, prepareTitle } from './apply-plan.ts';
import type { EngineAccess } from './engine-access.ts';

/** Pulls each image once. Waits for no request before it: nothing of the project changes. Always ends with `end`. */
export async function pullImages(
  engine: EngineAccess,
  request: PullRequest,
  emit: (event: SupervisorEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const services = imagesToPull(request);
    const plan = new PlanBuilder();
    for (const service of services)
      plan.add({ op: 'artifact.prepare', service }, `service:${service.name}`, service.image);
    const built = plan.build();
    emit({ type: 'plan', plan: built, text: formatPlan(built), logSeq: 0 });
    const side = services.length === 0 ? undefined : await engine.get(signal);
    const failures = await applyPlan(
      built,
      {
        projectName: request.project.name,
        project: request.project,
        run: async (operation, inner) => {
          if (operation.op !== 'artifact.prepare' || operation.service.kind !== 'container') return;
          const { service } = operation;
          await side?.runtime.prepare(
            service,
            ({ step }) =>
              emit({ type: 'node', outcome: 'progress', node: progressView(service, step, request.project) }),
            inner,
          );
        },
        emit,
        failFast: false,
      },
      signal,
    );
    if (request.ignoreFailures) {
      for (const failure of failures) emit({ type: 'warning', message: failure.message });
      emit({ type: 'end', ok: !signal.aborted, failures: [] });
    } else emit({ type: 'end', ok: failures.length === 0 && !signal.aborted, failures });
  } catch (error) {
    emit({ type: 'end', ok: false, failures: [toWireError(error)] });
  }
}

/** One service for each image; what the file says is never pulled is not. */
function imagesToPull(request: PullRequest): readonly ContainerService[] {
  const chosen = Object.values(selectServices(request.project.services, request.services, request.withDependencies));
  const byImage = new Map<string, ContainerService>();
  for (const service of chosen) {
    if (service.kind !== 'container' || service.pullPolicy === 'never' || service.pullPolicy === 'build') continue;
    byImage.set(`${service.image} ${service.platform ?? ''}`, { ...service, pullPolicy: request.policy });
  }
  return [...byImage.values()];
}

function progressView(
  service: ContainerService,
  detail: string,
  project: Project,
): Extract<SupervisorEvent, { type: 'node' }>['node'] {
  const subject = `service:${service.name}`;
  return { id: 0, op: 'artifact.prepare', subject, title: prepareTitle(service, project), outcome: 'progress', detail };
}
