import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { VolumeSpec } from '../../model/project.ts';
import type { ObservedResource } from '../../model/state.ts';
import type { VolumeReply } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { EngineError, explained, isStatus } from './errors.ts';
import { LABEL, projectFilter, resourceLabels } from './labels.ts';

/**
 * Makes the project's volume, or checks that an external one is there. A volume of that name that somebody else made
 * is never used: ERR_NOT_OURS. `device`: the host directory it is bound to; undefined: the Engine keeps the files.
 */
export async function ensureVolume(
  engine: Engine,
  project: ProjectName,
  volume: VolumeSpec,
  device: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const present = await findVolume(engine, volume.name, signal);
  if (present !== undefined) {
    if (!volume.external) requireOurs(present, project, volume, device);
    return;
  }
  if (volume.external) {
    throw new WcError('ERR_MOUNT', `volume ${volume.name} is declared as external, but there is none of that name`, {
      source: volume.source,
      hint: `make it with: docker volume create ${volume.name}`,
    });
  }
  const subject = { doing: `create volume ${volume.name}`, source: volume.source };
  await explained(subject, async () => {
    await engine.request('POST', '/volumes/create', { body: volumeBody(project, volume, device) }, signal);
  });
}

/** The host directory of a volume's files: what it is bound to, else the Engine's own directory. */
export async function inspectVolume(
  engine: Engine,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly hostPath: string | undefined } | undefined> {
  const found = await findVolume(engine, name, signal);
  if (found === undefined) return undefined;
  const hostPath = found.Options?.['device'] ?? found.Mountpoint;
  return { hostPath: hostPath === '' ? undefined : hostPath };
}

/** The project's volumes, also those that nobody named. */
export async function listVolumes(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedResource[]> {
  const { Volumes } = await engine.request<{ readonly Volumes: readonly VolumeReply[] | null }>(
    'GET',
    '/volumes',
    { filters: projectFilter(project) },
    signal,
  );
  return (Volumes ?? []).map(({ Name, Labels }) => ({
    id: Name,
    name: Name,
    key: Labels?.[LABEL.volume] ?? Name,
    configHash: Labels?.[LABEL.configHash],
    instance: Labels?.[LABEL.anonymous],
  }));
}

/** Removes a volume with its files; one without a project's label is never touched: ERR_NOT_OURS. */
export async function removeVolume(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  const found = await findVolume(engine, name, signal);
  if (found === undefined) return;
  if (found.Labels?.[LABEL.project] === undefined) {
    throw new WcError('ERR_NOT_OURS', `volume ${name} is not one of a project, so it is not removed`, {
      hint: `remove it yourself with: docker volume rm ${name}`,
    });
  }
  try {
    await engine.request('DELETE', path(name), {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return;
    if (!(error instanceof EngineError)) throw error;
    throw new WcError('ERR_MOUNT', `volume ${name} cannot be removed: ${error.detail}`, {
      hint: `see who uses it with: docker ps -a --filter volume=${name}`,
      cause: error,
    });
  }
}

async function findVolume(engine: Engine, name: string, signal: AbortSignal): Promise<VolumeReply | undefined> {
  try {
    return await engine.request<VolumeReply>('GET', path(name), {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

function requireOurs(found: VolumeReply, project: ProjectName, volume: VolumeSpec, device: string | undefined): void {
  const owner = found.Labels?.[LABEL.project];
  if (owner !== project) {
    const whose = owner === undefined ? 'was not made by compose' : `belongs to project ${owner}`;
    throw new WcError('ERR_NOT_OURS', `a volume named ${volume.name} exists and ${whose}`, {
      source: volume.source,
      hint: `use it with \`external: true\`, or choose another name with \`name:\``,
    });
  }
  // Creating it again with another directory would succeed and change nothing.
  const bound = found.Options?.['device'];
  if (device === undefined || bound === device) return;
  throw new WcError('ERR_NOT_OURS', `volume ${volume.name} exists and has its files in ${bound ?? found.Mountpoint}`, {
    source: volume.source,
    hint: `copy them away if you need them, and remove it with: docker volume rm ${volume.name}`,
  });
}

function volumeBody(
  project: ProjectName,
  volume: VolumeSpec,
  device: string | undefined,
): Readonly<Record<string, unknown>> {
  return {
    Name: volume.name,
    Driver: volume.driver ?? 'local',
    DriverOpts: device === undefined ? volume.driverOpts : { type: 'none', o: 'bind', device },
    Labels: resourceLabels(project, 'volume', volume),
  };
}

function path(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`;
}
