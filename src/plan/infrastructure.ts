import type { NetworkSpec, Project, Service, VolumeSpec } from '../model/project.ts';
import type { Observed, ObservedResource } from '../model/state.ts';
import type { PlanBuilder } from './builder.ts';
import type { Changed } from './changed-resources.ts';
import type { Removals } from './removals.ts';

/** Which nodes make the networks and volumes that a service needs. */
export interface Infrastructure {
  neededBy(service: Service): readonly number[];
}

/** What of the infrastructure is to be made anew, and how its users are taken away first. */
export interface Replacement {
  readonly changed: Changed;
  readonly removals: Removals;
}

/**
 * Adds a node per network and volume that is not there yet, and replaces what changed. A network that only Wasm
 * services use lives in the fabric alone: no Engine network is made for it, so a project of Wasm services needs no
 * Engine. External networks and volumes have a node too, which checks that they exist.
 */
export function planInfrastructure(
  plan: PlanBuilder,
  project: Project,
  services: Readonly<Record<string, Service>>,
  observed: Observed,
  replacement: Replacement | undefined,
): Infrastructure {
  const used = Object.values(services);
  const removed =
    replacement === undefined ? new Map<string, number>() : planReplaced(plan, project, observed, replacement);
  const networkNodes = new Map<string, number>();
  for (const network of Object.values(project.networks)) {
    const users = used.filter((service) => service.networks.some((one) => one.network === network.key));
    const needed = users.some((service) => service.kind === 'container') || (network.external && users.length > 0);
    const why = needed ? whyMake('network', network, observed.networks, removed) : undefined;
    if (why === undefined) continue;
    const node = plan.add({ op: 'network.create', network }, `network:${network.key}`, why.cause, why.needs);
    networkNodes.set(network.key, node);
  }
  const volumeNodes = new Map<string, number>();
  for (const volume of Object.values(project.volumes)) {
    const needed = used.some((service) => usesVolume(service, volume.key));
    const why = needed ? whyMake('volume', volume, observed.volumes, removed) : undefined;
    if (why === undefined) continue;
    const node = plan.add({ op: 'volume.create', volume }, `volume:${volume.key}`, why.cause, why.needs);
    volumeNodes.set(volume.key, node);
  }
  return {
    neededBy: (service) => [
      ...service.networks.flatMap((network) => networkNodes.get(network.network) ?? []),
      ...service.mounts.flatMap((mount) => (mount.type === 'volume' ? (volumeNodes.get(mount.source) ?? []) : [])),
    ],
  };
}

/** Undefined: it is there, and stays. */
function whyMake(
  kind: 'network' | 'volume',
  { key, name, external }: NetworkSpec | VolumeSpec,
  seen: readonly ObservedResource[],
  removed: ReadonlyMap<string, number>,
): { readonly cause: string; readonly needs: readonly number[] } | undefined {
  const gone = removed.get(`${kind}:${key}`);
  if (gone !== undefined) return { cause: 'config changed', needs: [gone] };
  if (seen.some((one) => one.name === name)) return undefined;
  return { cause: external ? 'external' : 'not found', needs: [] };
}

/** A network or volume goes when nothing is in it any more. Subject -> the node that removes it. */
function planReplaced(
  plan: PlanBuilder,
  project: Project,
  observed: Observed,
  { changed, removals }: Replacement,
): ReadonlyMap<string, number> {
  const nodes = new Map<string, number>();
  const users = observed.instances.flatMap((instance) => {
    const service = project.services[instance.service];
    const what = service === undefined ? undefined : changed.of(service);
    return service === undefined || what === undefined ? [] : [{ instance, service, what }];
  });
  const gone = users.map(({ instance, service, what }) =>
    removals.remove(instance, service.stopGraceMs, `${what} changed`),
  );
  for (const { spec, seen } of changed.networks) {
    const subject = `network:${spec.key}`;
    nodes.set(subject, plan.add({ op: 'network.remove', network: seen }, subject, 'config changed', gone));
  }
  for (const { spec, seen } of changed.volumes) {
    const subject = `volume:${spec.key}`;
    nodes.set(subject, plan.add({ op: 'volume.remove', volume: seen }, subject, 'config changed', gone));
  }
  return nodes;
}

function usesVolume(service: Service, key: string): boolean {
  return service.mounts.some((mount) => mount.type === 'volume' && mount.source === key);
}
