import { existsSync } from 'node:fs';

import type { SupervisorEvent } from '../control/protocol.ts';
import type { LogHub } from '../logs/hub.ts';
import { WcError } from '../model/diagnostic.ts';
import { instanceId } from '../model/ids.ts';
import type { BuildOptions } from '../model/image-build.ts';
import type { Project, Service } from '../model/project.ts';
import { isBuilt } from '../plan/build.ts';
import { imageBuildLabels } from '../runtime/container/labels.ts';
import type { ImageBuildRequest } from '../runtime/container-images.ts';
import { buildModule } from './build-module.ts';
import type { EngineSide } from './engine-access.ts';
import { progressView } from './progress-view.ts';

/** How everything that one command builds is built. */
export interface BuildHow {
  readonly options: BuildOptions;
  /** Variables of the client that secrets and the SSH agent are taken from. */
  readonly environment: Readonly<Record<string, string>>;
  /** All of `build.platforms`; otherwise the one that the service runs on. */
  readonly allPlatforms: boolean;
}

export const AS_THE_FILE_SAYS: BuildHow = { options: {}, environment: {}, allPlatforms: false };

export interface BuildPlace {
  readonly project: Project;
  readonly engine: EngineSide | undefined;
  readonly hub: LogHub;
  readonly emit: (event: SupervisorEvent) => void;
}

/** Makes the image or the module of a service; what happens is told while it does. Throws ERR_BUILD_FAILED. */
export async function buildService(
  service: Service,
  how: BuildHow,
  place: BuildPlace,
  signal: AbortSignal,
): Promise<void> {
  const { project, hub } = place;
  if (service.kind === 'wasm' && service.build !== undefined) {
    const logs = hub.sink(instanceId(service.name, 1));
    const tell = (text: string, stream: 'stdout' | 'stderr'): void =>
      place.emit({ type: 'output', subject: `service:${service.name}`, text, stream });
    return await buildModule(service, service.build, { directory: project.workingDir, logs, tell }, signal);
  }
  if (service.imageBuild !== undefined) await buildImage(service, how, place, signal);
}

async function buildImage(service: Service, how: BuildHow, place: BuildPlace, signal: AbortSignal): Promise<void> {
  const { project, emit, engine } = place;
  const request = imageBuildRequest(service, how, project);
  if (request === undefined) return;
  if (engine === undefined)
    throw new WcError('ERR_ENGINE_UNREACHABLE', `building ${service.name} needs a Docker Engine`);
  if (service.kind === 'container' && (await pulled(service, place, signal))) return;
  await engine.images.build(
    request,
    {
      step: (name, cached) =>
        emit({
          type: 'node',
          outcome: 'progress',
          node: {
            ...progressView(service, { step: cached ? `${name} (cached)` : name, done: 0 }, project),
            op: 'artifact.build',
          },
        }),
      line: (text, stream) => emit({ type: 'output', subject: `service:${service.name}`, text, stream }),
    },
    signal,
  );
}

/** `pull_policy: always` of something that can be built: a registry's image first. Being built then is no failure. */
async function pulled(
  service: Extract<Service, { kind: 'container' }>,
  { engine, project, emit }: BuildPlace,
  signal: AbortSignal,
): Promise<boolean> {
  if (service.pullPolicy !== 'always' && !service.pullPolicy.startsWith('every:')) return false;
  try {
    const { imageBuild: _build, ...plain } = service;
    await engine?.images.pull(
      plain,
      (step) => emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) }),
      signal,
    );
    return true;
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_IMAGE_NOT_FOUND') throw error;
    return false;
  }
}

/** Pure. Undefined for a service without `build:`. */
export function imageBuildRequest(service: Service, how: BuildHow, project: Project): ImageBuildRequest | undefined {
  const { imageBuild: build } = service;
  if (build === undefined) return undefined;
  return {
    service: service.name,
    build,
    options: how.options,
    tags: [...new Set([imageName(service), ...build.tags])],
    labels: imageBuildLabels(project.name, service.name),
    platforms: platformsOf(service, how.allPlatforms),
    environment: how.environment,
    serviceImages: Object.fromEntries(
      Object.values(project.services).map((other) => [other.name, imageName(other)] as const),
    ),
  };
}

/** What the Engine calls the image of a service; empty where it has none. */
export function imageName(service: Service): string {
  if (service.kind === 'container') return service.image;
  return service.module.from === 'oci' ? service.module.reference : '';
}

/**
 * The Engine builds for itself, or for the one platform that is asked for. A Wasm platform is not told to it: no Engine
 * but the newest knows it, and the files of the module are the same.
 */
function platformsOf(service: Service, all: boolean): readonly string[] {
  if (service.kind === 'wasm') return [];
  const declared = service.imageBuild?.platforms ?? [];
  if (all && declared.length > 0) return declared;
  return service.platform === undefined ? [] : [service.platform];
}

/** Of these services, those whose image or module is there. */
export async function builtAlready(
  services: readonly Service[],
  engine: EngineSide | undefined,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const present = await Promise.all(
    services.filter(isBuilt).map(async (service) => {
      if (service.kind === 'wasm' && service.build !== undefined) return existsSync(service.build.output);
      return (await engine?.images.inspect(imageName(service), signal)) !== undefined;
    }),
  );
  const names = services.filter(isBuilt).map((service) => service.name);
  return new Set(names.filter((_name, at) => present[at]));
}
