import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';

import { WcError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { MountSpec, Project, Service, VolumeSpec } from '../model/project.ts';
import type { ObservedResource } from '../model/state.ts';
import type { ResolvedMount } from '../runtime/runtime.ts';
import type { VolumeDirs } from '../storage/volume-dirs.ts';
import type { EngineSide } from './engine-access.ts';

/**
 * Named volumes of both kinds. One that only containers use is a plain Engine volume. One that a Wasm service uses
 * is a host directory, and where containers use it too, the Engine gets it as a volume of that name bound to the
 * directory: `docker volume ls` lists it, `down -v` removes it.
 */
export class ProjectVolumes {
  readonly #dirs: VolumeDirs;
  readonly #engine: () => EngineSide | undefined;

  constructor(dirs: VolumeDirs, engine: () => EngineSide | undefined) {
    this.#dirs = dirs;
    this.#engine = engine;
  }

  async ensure(project: Project, volume: VolumeSpec, signal: AbortSignal): Promise<void> {
    const users = Object.values(project.services).filter((service) => usesVolume(service, volume.key));
    const forWasm = users.some((service) => service.kind === 'wasm');
    const forContainers = users.some((service) => service.kind === 'container');
    const engine = this.#engine();
    if (volume.external || !forWasm) {
      if (engine !== undefined) await engine.resources.ensureVolume(project.name, volume, undefined, signal);
      else if (volume.external) await this.#requireExternalDir(volume);
      return;
    }
    if (engine === undefined || !forContainers) {
      await this.#dirs.ensure(project.name, volume);
      return;
    }
    if (!engine.isLocal) throw notShared(volume, engine);
    const present = await engine.resources.inspectVolume(volume.name, signal);
    if (present === undefined) {
      const dir = await this.#dirs.ensure(project.name, volume);
      await engine.resources.ensureVolume(project.name, volume, dir.data, signal);
    } else {
      // Says so when somebody else made it.
      await engine.resources.ensureVolume(project.name, volume, undefined, signal);
      await requireReachable(volume, present.hostPath);
    }
  }

  async observe(project: ProjectName, signal: AbortSignal): Promise<readonly ObservedResource[]> {
    const engine = this.#engine();
    const inEngine = engine === undefined ? [] : await engine.resources.listVolumes(project, signal);
    const names = new Set(inEngine.map((volume) => volume.name));
    const dirs = await this.#dirs.list(project);
    const onlyDirs = dirs.filter((dir) => !names.has(dir.name));
    return [...inEngine, ...onlyDirs.map((dir) => ({ key: dir.key, name: dir.name, id: '' }))];
  }

  /** Removes the Engine's volume and our directory; never an external volume, which is not observed as ours. */
  async remove(volume: ObservedResource, signal: AbortSignal): Promise<void> {
    const engine = this.#engine();
    if (volume.id !== '' && engine !== undefined) await engine.resources.removeVolume(volume.name, signal);
    if ((await this.#dirs.find(volume.name)) === undefined) return;
    await this.#dirs.remove(volume.name, async (data) => {
      if (engine === undefined) {
        throw new WcError('ERR_MOUNT', `cannot remove ${data}: files in it belong to users of containers`, {
          hint: 'start the Docker Engine and run the command again, or remove the directory as root',
        });
      }
      await engine.clearDirectory(data, signal);
    });
  }

  /** Where each mount of a service is on the host. */
  async resolve(project: Project, service: Service, signal: AbortSignal): Promise<readonly ResolvedMount[]> {
    return await Promise.all(
      service.mounts.map(async (mount) => await this.#resolveMount(project, service, mount, signal)),
    );
  }

  async #resolveMount(
    project: Project,
    service: Service,
    mount: MountSpec,
    signal: AbortSignal,
  ): Promise<ResolvedMount> {
    switch (mount.type) {
      case 'tmpfs':
      case 'image':
        return { spec: mount };
      case 'bind':
        await ensureBindSource(mount);
        return { spec: mount, hostPath: mount.source };
      case 'volume':
        return await this.#resolveVolume(project, service, mount, signal);
    }
  }

  async #resolveVolume(
    project: Project,
    service: Service,
    mount: MountSpec,
    signal: AbortSignal,
  ): Promise<ResolvedMount> {
    const volume = project.volumes[mount.source];
    if (volume === undefined) {
      if (service.kind === 'container') return { spec: mount };
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: a Wasm service cannot have an anonymous volume`, {
        source: mount.origin,
        hint: 'name the volume (and list it under top-level `volumes:`), or use `tmpfs:`',
      });
    }
    const dir = await this.#dirs.find(volume.name);
    const shared = dir === undefined ? mount : { ...mount, noCopy: true };
    const engine = this.#engine();
    if (engine === undefined) return { spec: shared, hostPath: dir?.data, engineVolume: volume.name };
    const hostPath = dir?.data ?? (await engine.resources.inspectVolume(volume.name, signal))?.hostPath;
    if (service.kind === 'wasm' && hostPath !== undefined) await requireReachable(volume, hostPath);
    return { spec: shared, hostPath, engineVolume: volume.name };
  }

  async #requireExternalDir(volume: VolumeSpec): Promise<void> {
    if ((await this.#dirs.find(volume.name)) !== undefined) return;
    throw new WcError('ERR_MOUNT', `external volume ${volume.name} not found`, { source: volume.source });
  }
}

/** There the containers would silently get an empty directory of the other machine. */
function notShared(volume: VolumeSpec, engine: EngineSide): WcError {
  return new WcError(
    'ERR_MOUNT',
    `volume ${volume.name} cannot be shared: the Engine at ${engine.description} has other directories than the Wasm services here`,
    {
      source: volume.source,
      hint: 'give the two kinds of service volumes of their own, or use an Engine of this machine',
    },
  );
}

function usesVolume(service: Service, key: string): boolean {
  return service.mounts.some((mount) => mount.type === 'volume' && mount.source === key);
}

/** As the Engine does for the short syntax: a missing source directory is made, as this user. */
async function ensureBindSource(mount: MountSpec): Promise<void> {
  try {
    await stat(mount.source);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && mount.createHostPath) {
      await mkdir(mount.source, { recursive: true });
      return;
    }
    throw new WcError('ERR_MOUNT', `bind source path does not exist or cannot be read: ${mount.source}`, {
      source: mount.origin,
      cause: error,
    });
  }
}

async function requireReachable(volume: VolumeSpec, hostPath: string | undefined): Promise<void> {
  try {
    if (hostPath !== undefined) {
      await access(hostPath, constants.R_OK | constants.W_OK | constants.X_OK);
      return;
    }
  } catch {
    // EACCES, ENOENT: this user cannot enter the Engine's directory; said below.
  }
  throw new WcError(
    'ERR_MOUNT',
    `volume ${volume.name} belongs to the Docker Engine and a Wasm service cannot reach its files`,
    {
      source: volume.source,
      hint: `copy its files away, remove it with \`docker volume rm ${volume.name}\` and run the command again: it is made as a directory that both kinds share`,
    },
  );
}
