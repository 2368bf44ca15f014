import type { NetworkSpec, Project, Service, VolumeSpec } from '../model/project.ts';
import type { Observed, ObservedInstance, ObservedResource } from '../model/state.ts';
import { sharedServices } from './references.ts';

export interface Changed {
  readonly networks: readonly { readonly spec: NetworkSpec; readonly seen: ObservedResource }[];
  readonly volumes: readonly { readonly spec: VolumeSpec; readonly seen: ObservedResource }[];
  /** `network back`, of those that the service uses; undefined: none of them. */
  of(service: Service): string | undefined;
}

/** Networks that are not as the file has them any more, and those of such volumes that may be made anew. */
export function findChanged(project: Project, observed: Observed, replaceVolumes: 'all' | readonly string[]): Changed {
  const networks = differing(Object.values(project.networks), observed.networks);
  const volumes = differing(Object.values(project.volumes), observed.volumes).filter(
    ({ spec }) => replaceVolumes === 'all' || replaceVolumes.includes(spec.key),
  );
  const changed = { networks, volumes };
  return { ...changed, of: (service) => changedOf(service, project, changed, new Set()) };
}

/** Volumes that were made with another configuration than the file's: to replace one is to lose what is in it. */
export function changedVolumes(project: Project, observed: Observed): readonly VolumeSpec[] {
  return differing(Object.values(project.volumes), observed.volumes).map(({ spec }) => spec);
}

/** Services that are not selected but have instances in what is made anew: it cannot be removed from under them. */
export function affectedServices(
  changed: Changed,
  project: Project,
  instances: readonly ObservedInstance[],
): readonly Service[] {
  return Object.values(project.services).filter(
    (service) => changed.of(service) !== undefined && instances.some((instance) => instance.service === service.name),
  );
}

function differing<S extends NetworkSpec | VolumeSpec>(
  specs: readonly S[],
  seen: readonly ObservedResource[],
): readonly { readonly spec: S; readonly seen: ObservedResource }[] {
  return specs.flatMap((spec) => {
    if (spec.external || spec.configHash === undefined) return [];
    const found = seen.find((one) => one.name === spec.name && one.key === spec.key);
    if (found?.configHash === undefined || found.configHash === spec.configHash) return [];
    return [{ spec, seen: found }];
  });
}

/** A service that takes its volumes from another has them mounted as well. */
function changedOf(
  service: Service,
  project: Project,
  changed: Pick<Changed, 'networks' | 'volumes'>,
  visited: Set<string>,
): string | undefined {
  const network = changed.networks.find(({ spec }) => service.networks.some((one) => one.network === spec.key));
  if (network !== undefined) return `network ${network.spec.key}`;
  const volume = changed.volumes.find(({ spec }) =>
    service.mounts.some((mount) => mount.type === 'volume' && mount.source === spec.key),
  );
  if (volume !== undefined) return `volume ${volume.spec.key}`;
  visited.add(service.name);
  for (const name of sharedServices(service)) {
    const other = project.services[name];
    const found = other === undefined || visited.has(name) ? undefined : changedOf(other, project, changed, visited);
    if (found !== undefined) return found;
  }
  return undefined;
}
