import type { ProjectName } from '../../model/ids.ts';
import type { ContainerService } from '../../model/project.ts';

/**
 * Labels of docker compose, letter by letter, so that Docker Desktop, lazydocker, Portainer and docker compose
 * itself see the project; and ours beside them.
 */
export const LABEL = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  oneoff: 'com.docker.compose.oneoff',
  number: 'com.docker.compose.container-number',
  configHash: 'com.docker.compose.config-hash',
  version: 'com.docker.compose.version',
  workingDir: 'com.docker.compose.project.working_dir',
  configFiles: 'com.docker.compose.project.config_files',
  dependsOn: 'com.docker.compose.depends_on',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
  /** container | relay | helper */
  kind: 'dev.wcompose.kind',
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
}

export function containerLabels(input: LabelInput): Readonly<Record<string, string>> {
  const { service } = input;
  return {
    ...service.labels,
    [LABEL.project]: input.project,
    [LABEL.service]: service.name,
    [LABEL.oneoff]: 'False',
    [LABEL.number]: String(input.index),
    [LABEL.configHash]: input.configHash,
    [LABEL.version]: COMPOSE_VERSION,
    [LABEL.workingDir]: input.workingDir,
    [LABEL.configFiles]: input.configFiles.join(','),
    [LABEL.dependsOn]: service.dependsOn.map(dependsOnText).join(','),
    [LABEL.kind]: 'container',
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

/** The Engine's filter for everything that carries the project's label. */
export function projectFilter(project: ProjectName, more: readonly string[] = []): string {
  return JSON.stringify({ label: [`${LABEL.project}=${project}`, ...more] });
}
