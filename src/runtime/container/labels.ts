import type { ProjectName } from '../../model/ids.ts';
import type { ContainerService, NetworkSpec, VolumeSpec } from '../../model/project.ts';
import type { Filters } from './engine-api.ts';

/**
 * Labels of docker compose, letter by letter, so that Docker Desktop, lazydocker, Portainer and docker compose
 * itself see the project; and ours beside them.
 */
export const LABEL = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  oneoff: 'com.docker.compose.oneoff',
  slug: 'com.docker.compose.slug',
  number: 'com.docker.compose.container-number',
  configHash: 'com.docker.compose.config-hash',
  version: 'com.docker.compose.version',
  /** The id of the image that the container was made of. */
  image: 'com.docker.compose.image',
  workingDir: 'com.docker.compose.project.working_dir',
  configFiles: 'com.docker.compose.project.config_files',
  dependsOn: 'com.docker.compose.depends_on',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
  /** container | relay | helper */
  kind: 'dev.wcompose.kind',
  /** `default=shop_default,back=shared`: the networks the container was made for, compose key and Engine's name. */
  networks: 'dev.wcompose.networks',
  /** On a volume the Engine would have made without a name: the instance that it belongs to. */
  anonymous: 'dev.wcompose.anonymous',
} as const;

/** The version of docker compose whose labels these are. */
export const COMPOSE_VERSION = '2.40.3';

export interface LabelInput {
  readonly project: ProjectName;
  readonly service: ContainerService;
  readonly index: number;
  readonly configHash: string;
  readonly workingDir: string;
  readonly configFiles: readonly string[];
  readonly networks: readonly NetworkSpec[];
  readonly oneOff?: { readonly slug: string } | undefined;
  /** Undefined: not known; docker compose would make the container anew. */
  readonly imageId?: string | undefined;
}

export function containerLabels(input: LabelInput): Readonly<Record<string, string>> {
  const { service } = input;
  return {
    ...service.labels,
    [LABEL.project]: input.project,
    [LABEL.service]: service.name,
    [LABEL.oneoff]: input.oneOff === undefined ? 'False' : 'True',
    ...(input.oneOff === undefined ? {} : { [LABEL.slug]: input.oneOff.slug }),
    [LABEL.number]: String(input.index),
    [LABEL.configHash]: input.configHash,
    [LABEL.version]: COMPOSE_VERSION,
    ...(input.imageId === undefined ? {} : { [LABEL.image]: input.imageId }),
    [LABEL.workingDir]: input.workingDir,
    [LABEL.configFiles]: input.configFiles.join(','),
    [LABEL.dependsOn]: service.dependsOn.map(dependsOnText).join(','),
    [LABEL.kind]: 'container',
    [LABEL.networks]: input.networks.map((network) => `${network.key}=${network.name}`).join(','),
  };
}

const CONDITIONS = {
  started: 'service_started',
  healthy: 'service_healthy',
  completed: 'service_completed_successfully',
} as const;

function dependsOnText(dependency: ContainerService['dependsOn'][number]): string {
  return `${dependency.service}:${CONDITIONS[dependency.condition]}:${String(dependency.restart)}`;
}

/** Labels of a network or volume. */
export function resourceLabels(
  project: ProjectName,
  kind: 'network' | 'volume',
  spec: NetworkSpec | VolumeSpec,
): Readonly<Record<string, string>> {
  return {
    ...spec.labels,
    [LABEL.project]: project,
    [LABEL[kind]]: spec.key,
    [LABEL.version]: COMPOSE_VERSION,
    ...(spec.configHash === undefined ? {} : { [LABEL.configHash]: spec.configHash }),
  };
}

/** Compose key -> the Engine's network name, of a container's labels; empty for a container that is not ours. */
export function networksOf(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = (labels[LABEL.networks] ?? '').split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}

/** A container that runs an instance: no relay, no helper, no `run` container, nothing without a service. */
export function isInstance(labels: Readonly<Record<string, string>>): boolean {
  return (
    labels[LABEL.service] !== undefined &&
    labels[LABEL.oneoff] !== 'True' &&
    (labels[LABEL.kind] ?? 'container') === 'container'
  );
}

/** The Engine's filter for everything that carries the project's label. */
export function projectFilter(project: ProjectName, ...more: readonly string[]): Filters {
  return { label: [`${LABEL.project}=${project}`, ...more] };
}

/** Labels of an image that was built for a service, as docker compose gives them. */
export function imageBuildLabels(project: ProjectName, service: string): Readonly<Record<string, string>> {
  return { [LABEL.project]: project, [LABEL.service]: service, [LABEL.version]: COMPOSE_VERSION };
}
