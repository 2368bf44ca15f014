import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { VolumeSpec } from '../../model/project.ts';
import type { ObservedResource } from '../../model/state.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';
import { COMPOSE_VERSION, LABEL, projectFilter } from './labels.ts';

interface VolumeReply {
  readonly Name: string;
  readonly Mountpoint: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Options: Readonly<Record<string, string>> | null;
}

/** Makes the volume when it is missing. One that is there already is used as it is, as docker compose does. */
export async function ensureVolume(
  engine: Engine,
  project: ProjectName,
  volume: VolumeSpec,
  device: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const present = await find(engine, volume.name, signal);
  if (present === undefined) {
    if (volume.external) {
      throw new WcError(
        'ERR_ENGINE_REFUSED',
        `volume ${volume.name} is declared as external, but there is none of that name`,
        {
          source: volume.source,
          hint: `make it with: docker volume create ${volume.name}`,
        },
      );
    }
    await explained(`creating volume ${volume.name}`, undefined, async () => {
      await engine.request('POST', '/volumes/create', { body: volumeBody(project, volume, device) }, signal);
    });
    return;
  }
  // Creating it again with another directory would succeed and change nothing.
  if (device !== undefined && present.Options?.['device'] !== device) {
    throw new WcError(
      'ERR_NOT_OURS',
      `volume ${volume.name} exists and is bound to ${present.Options?.['device'] ?? present.Mountpoint}`,
      {
        source: volume.source,
        hint: `remove it with: docker volume rm ${volume.name}`,
      },
    );
  }
}

/** The host directory of a volume's files: what it is bound to, else the Engine's own directory. */
export async function inspectVolume(
  engine: Engine,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly hostPath: string | undefined } | undefined> {
  const found = await find(engine, name, signal);
  if (found === undefined) return undefined;
  return { hostPath: found.Options?.['device'] ?? found.Mountpoint };
}

export async function listVolumes(
  engine: Engine,
  project: ProjectName,
  signal: AbortSignal,
): Promise<readonly ObservedResource[]> {
  const query = { filters: projectFilter(project) };
  const { Volumes } = await engine.request<{ Volumes: readonly VolumeReply[] | null }>(
    'GET',
    '/volumes',
    { query },
    signal,
  );
  return (Volumes ?? []).map(({ Name, Labels }) => ({ id: Name, name: Name, key: Labels?.[LABEL.volume] ?? Name }));
}

export async function removeVolume(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.request('DELETE', `/volumes/${encodeURIComponent(name)}`, {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return;
    throw new WcError('ERR_ENGINE_REFUSED', `volume ${name} cannot be removed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function find(engine: Engine, name: string, signal: AbortSignal): Promise<VolumeReply | undefined> {
  try {
    return await engine.request<VolumeReply>('GET', `/volumes/${encodeURIComponent(name)}`, {}, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
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
    Labels: {
      ...volume.labels,
      [LABEL.project]: project,
      [LABEL.volume]: volume.key,
      [LABEL.version]: COMPOSE_VERSION,
    },
  };
}
