import type { PullRequest } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { ContainerService, PullPolicy } from '../model/project.ts';
import { formatPlan, PlanBuilder } from '../plan/builder.ts';
import { selectServices } from '../plan/graph.ts';
import { applyPlan } from './apply-plan.ts';
import { endOf } from './end-of.ts';
import type { ImageRequestParts } from './image-request-parts.ts';
import { progressView } from './progress-view.ts';
import type { Emit } from './project-state.ts';

/** Pulls each image once. Waits for no request before it: nothing of the project changes. Always ends with `end`. */
export async function pullImages(
  parts: ImageRequestParts,
  request: PullRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { project } = request;
    parts.engine.choose(request.engineEnv);
    const { services, left } = imagesToPull(request);
    for (const message of left) emit({ type: 'warning', message });
    const plan = new PlanBuilder();
    for (const service of services)
      plan.add({ op: 'artifact.prepare', service }, `service:${service.name}`, service.image);
    const built = plan.build();
    emit({ type: 'plan', plan: built, text: formatPlan(built), logSeq: 0 });
    const side = services.length === 0 ? undefined : await parts.engine.get(signal);
    const failures = await applyPlan(
      built,
      {
        projectName: project.name,
        project,
        run: async (operation, inner) => {
          if (operation.op !== 'artifact.prepare' || operation.service.kind !== 'container') return;
          const { service } = operation;
          await side?.images.pull(
            service,
            (step) => emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) }),
            inner,
          );
        },
        emit,
        failFast: false,
      },
      signal,
    );
    // What can be built is built when its registry does not have it.
    const mayBuild = new Set(services.filter((service) => canBuild(service, request)).map(({ image }) => image));
    const serious = failures.filter(({ message }) => ![...mayBuild].some((image) => message.includes(image)));
    for (const { message } of failures.filter((failure) => !serious.includes(failure))) {
      emit({ type: 'warning', message: `${message}; it can be built: wcompose build` });
    }
    endOf(serious, { ignore: request.ignoreFailures, emit }, signal);
  } catch (error) {
    emit({ type: 'end', ok: false, failures: signal.aborted ? [] : [toWireError(error)] });
  }
}

interface ToPull {
  /** One service for each image. */
  readonly services: readonly ContainerService[];
  /** Why services that were named are not among them. */
  readonly left: readonly string[];
}

function imagesToPull(request: PullRequest): ToPull {
  const { project, services, withDependencies } = request;
  const left: string[] = [];
  const byImage = new Map<string, ContainerService>();
  for (const service of Object.values(selectServices(project.services, services, withDependencies))) {
    if (service.kind === 'wasm') {
      if (service.module.from === 'oci' && service.imageBuild === undefined) {
        left.push(`${service.name}: images of Wasm services cannot be pulled from a registry yet`);
      }
      continue;
    }
    const { imageBuild, image, platform, ...rest } = service;
    if (service.pullPolicy === 'never' || service.pullPolicy === 'build') continue;
    // A name that docker compose would have made up is in no registry.
    if (imageBuild !== undefined && (request.ignoreBuildable || image === `${project.name}-${service.name}`)) continue;
    const pullPolicy = policyOf(service.pullPolicy, request);
    byImage.set(`${image} ${platform ?? ''}`, { ...rest, image, platform, pullPolicy });
  }
  return { services: [...byImage.values()], left };
}

function policyOf(own: PullPolicy, { policy }: PullRequest): PullPolicy {
  if (policy !== undefined) return policy;
  return own.startsWith('every:') ? own : 'always';
}

function canBuild({ name }: ContainerService, { project }: PullRequest): boolean {
  return project.services[name]?.imageBuild !== undefined;
}
