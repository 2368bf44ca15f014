import { instanceId } from '../../model/ids.ts';
import type { ContainerService } from '../../model/project.ts';
import type { CreateRequest, ResolvedMount } from '../runtime.ts';
import type { ContainerInspect, ImageInspect, VolumeReply } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { explained } from './errors.ts';
import { COMPOSE_VERSION, LABEL } from './labels.ts';

/**
 * Volumes that nobody named: a target without a source in the file, or a VOLUME of the image. docker compose hands
 * them on when it re-creates a container, so that a database survives a change of its settings; so do we. They are
 * made here and not by the Engine, because only so they carry the project's label and `down -v` finds them.
 */
export class AnonymousVolumes {
  readonly #engine: Engine;
  /** Instance -> target -> volume, of containers that were removed and may be made again by this process. */
  readonly #kept = new Map<string, ReadonlyMap<string, string>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Remembers what a container has that is about to be removed. */
  keep(container: ContainerInspect): void {
    const labels = container.Config.Labels ?? {};
    // Not a replica's: nobody is to find the files of a one-off container in a service.
    if (labels[LABEL.oneoff] === 'True') return;
    const volumes = container.Mounts.flatMap(({ Type, Name = '', Destination }) =>
      Type === 'volume' && UNNAMED.test(Name) ? [[Destination, Name] as const] : [],
    );
    const id = instanceId(labels[LABEL.service] ?? '', Number(labels[LABEL.number] ?? 1));
    this.#kept.set(`${labels[LABEL.project]}/${id}`, new Map(volumes));
  }

  /** Mounts that give every such target its volume: the one its former container had, else a new one. */
  async provide(
    request: CreateRequest<ContainerService>,
    image: ImageInspect | undefined,
    signal: AbortSignal,
  ): Promise<Provided> {
    const key = `${request.project}/${request.id}`;
    const kept = request.renewVolumes === true ? undefined : this.#kept.get(key);
    const mounts: ResolvedMount[] = [];
    const made: string[] = [];
    for (const spec of anonymousTargets(request, Object.keys(image?.Config?.Volumes ?? {}))) {
      const engineVolume = kept?.get(spec.target) ?? (await this.#make(request, signal));
      if (engineVolume !== kept?.get(spec.target)) made.push(engineVolume);
      mounts.push({ spec, engineVolume });
    }
    return {
      mounts: [...request.mounts.filter((mount) => !isAnonymous(mount)), ...mounts],
      used: () => void this.#kept.delete(key),
      undo: async (inner) => {
        for (const name of made) await this.#engine.request('DELETE', `/volumes/${name}`, {}, inner);
      },
    };
  }

  async #make(request: CreateRequest<ContainerService>, signal: AbortSignal): Promise<string> {
    const body = {
      Labels: { [LABEL.project]: request.project, [LABEL.anonymous]: request.id, [LABEL.version]: COMPOSE_VERSION },
    };
    const { service } = request;
    const { Name } = await explained({ doing: `create a volume of ${service.name}`, service }, async () => {
      return await this.#engine.request<VolumeReply>('POST', '/volumes/create', { body }, signal);
    });
    return Name;
  }
}

export interface Provided {
  /** The mounts of the request with a volume in each. */
  readonly mounts: readonly ResolvedMount[];
  /** The container has them: they are not handed on again. */
  used(): void;
  /** There is no container after all: the new ones go. */
  undo(signal: AbortSignal): Promise<void>;
}

function isAnonymous(mount: ResolvedMount): boolean {
  return mount.spec.type === 'volume' && mount.engineVolume === undefined && mount.hostPath === undefined;
}

function anonymousTargets(
  request: CreateRequest<ContainerService>,
  ofImage: readonly string[],
): readonly ResolvedMount['spec'][] {
  const { service } = request;
  const tmpfs = [service.engine['tmpfs'] ?? []].flat().filter((entry) => typeof entry === 'string');
  const taken = new Set(
    [...request.mounts.map((mount) => mount.spec.target), ...tmpfs.map(withoutOptions)].map(withoutSlash),
  );
  const implied = ofImage
    .filter((target) => !taken.has(withoutSlash(target)))
    .map((target): ResolvedMount['spec'] => ({
      type: 'volume',
      source: '',
      target: withoutSlash(target),
      readOnly: false,
      createHostPath: false,
      noCopy: false,
      origin: service.source,
    }));
  return [...request.mounts.filter(isAnonymous).map((mount) => mount.spec), ...implied];
}

/** `/run:size=64m` */
function withoutOptions(entry: string): string {
  return entry.split(':', 1)[0] ?? '';
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** The name that the Engine gives to a volume created without one. */
const UNNAMED = /^[0-9a-f]{64}$/;
