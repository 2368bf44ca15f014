import type { PushRequest } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { Service } from '../model/project.ts';
import { formatPlan, PlanBuilder } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { applyPlan } from './apply-plan.ts';
import { imageName } from './build-service.ts';
import { endOf } from './end-of.ts';
import type { ImageRequestParts } from './image-request-parts.ts';
import { progressView } from './progress-view.ts';
import type { Emit } from './project-state.ts';

/** `push`: the images that are built for services, each once, to the registries of their names. Ends with `end`. */
export async function pushImages(
  parts: ImageRequestParts,
  request: PushRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { project } = request;
    parts.engine.choose(request.engineEnv);
    const plan = new PlanBuilder();
    for (const [image, service] of imagesToPush(request)) {
      plan.add({ op: 'artifact.push', service, image }, `service:${service.name}`, image);
    }
    const built = plan.build();
    emit({ type: 'plan', plan: built, text: formatPlan(built), logSeq: 0 });
    const side = built.nodes.length === 0 ? undefined : await parts.engine.get(signal);
    const failures = await applyPlan(
      built,
      {
        projectName: project.name,
        project,
        run: async (operation, inner) => {
          if (operation.op !== 'artifact.push') return;
          await side?.images.push(
            operation.image,
            (step) =>
              emit({
                type: 'node',
                outcome: 'progress',
                node: {
                  ...progressView(operation.service, step, project),
                  op: 'artifact.push',
                  title: `Image ${operation.image}`,
                },
              }),
            inner,
          );
        },
        emit,
        failFast: false,
      },
      signal,
    );
    endOf(failures, { ignore: request.ignoreFailures, emit }, signal);
  } catch (error) {
    emit({ type: 'end', ok: false, failures: signal.aborted ? [] : [toWireError(error)] });
  }
}

/** Only what is built here is ours to push: an image that was pulled is somebody else's. */
function imagesToPush(request: PushRequest): ReadonlyMap<string, Service> {
  const chosen = Object.values(selectServices(request.project.services, request.services, request.withDependencies));
  const found = new Map<string, Service>();
  for (const service of chosen) {
    if (service.imageBuild === undefined) continue;
    for (const name of [imageName(service), ...service.imageBuild.tags]) if (!found.has(name)) found.set(name, service);
  }
  return found;
}
