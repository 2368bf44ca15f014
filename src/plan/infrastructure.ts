import type { Project, Service } from '../model/project.ts';
import type { Observed } from '../model/state.ts';
import type { PlanBuilder } from './builder.ts';

/** Which nodes make the networks and volumes that a service needs. */
export interface Infrastructure {
  neededBy(service: Service): readonly number[];
}

/**
 * Adds a node per network and volume that is not there yet. A network that only Wasm services use lives in the
 * fabric alone: no Engine network is made for it, so a project of Wasm services needs no Engine. External
 * networks and volumes have a node too, which checks that they exist.
 */
export function planInfrastructure(
  plan: PlanBuilder,
  project: Project,
  services: Readonly<Record<string, Service>>,
  observed: Observed,
): Infrastructure {
  const used = Object.values(services);
  const networkNodes = new Map<string, number>();
  for (const network of Object.values(project.networks)) {
    const users = used.filter((service) => service.networks.some((one) => one.network === network.key));
    const needed = users.some((service) => service.kind === 'container') || (network.external && users.length > 0);
    if (!needed || observed.networks.some((seen) => seen.key === network.key)) continue;
    const cause = network.external ? 'external' : 'not found';
    networkNodes.set(network.key, plan.add({ op: 'network.create', network }, `network:${network.key}`, cause));
  }
  const volumeNodes = new Map<string, number>();
  for (const volume of Object.values(project.volumes)) {
    const needed = used.some((service) => usesVolume(service, volume.key));
    if (!needed || observed.volumes.some((seen) => seen.key === volume.key)) continue;
    const cause = volume.external ? 'external' : 'not found';
    volumeNodes.set(volume.key, plan.add({ op: 'volume.create', volume }, `volume:${volume.key}`, cause));
  }
  return {
    neededBy: (service) => [
      ...service.networks.flatMap((network) => networkNodes.get(network.network) ?? []),
      ...service.mounts.flatMap((mount) => (mount.type === 'volume' ? (volumeNodes.get(mount.source) ?? []) : [])),
    ],
  };
}

function usesVolume(service: Service, key: string): boolean {
  return service.mounts.some((mount) => mount.type === 'volume' && mount.source === key);
}
