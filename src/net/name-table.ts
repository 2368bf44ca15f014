import type { ServiceName } from '../model/ids.ts';
import type { Project, Service, ServiceNetwork, WasmService } from '../model/project.ts';
import type { ContainerEndpoint } from './fabric-engine.ts';

/** Instances of a Wasm service that a name stands for. */
export interface WasmName {
  readonly service: ServiceName;
  /** Undefined: every replica. */
  readonly index?: number | undefined;
}

/** As DNS compares names: without regard to case or a dot at the end. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The Wasm services, or single instances, that a name means on the networks both share. */
export function wasmNames(project: Project, from: WasmService, name: string): readonly WasmName[] {
  const wanted = normalName(name);
  return Object.values(project.services)
    .filter((service) => service.kind === 'wasm')
    .flatMap((service) => {
      const shared = sharedNetworks(from, service);
      if (shared.length === 0) return [];
      const aliases = shared.flatMap((network) => network.aliases);
      const names = [service.name, service.containerName, ...aliases].filter((one) => one !== undefined);
      if (names.some((one) => normalName(one) === wanted)) return [{ service: service.name }];
      const index = instanceNames(project, service).indexOf(wanted) + 1;
      return index === 0 ? [] : [{ service: service.name, index }];
    });
}

/** Addresses of the containers that a name means on the service's networks. */
export function containerAddresses(
  project: Project,
  from: WasmService,
  endpoints: readonly ContainerEndpoint[],
  name: string,
): readonly string[] {
  const wanted = normalName(name);
  const networks = new Set(from.networks.map(({ network }) => project.networks[network]?.name));
  const found = endpoints.filter(
    (endpoint) => networks.has(endpoint.network) && endpoint.names.some((one) => normalName(one) === wanted),
  );
  return [...new Set(found.map((endpoint) => endpoint.address))];
}

/** True for names that mean a service of the project to somebody: they are never asked of a DNS server outside. */
export function isProjectName(project: Project, name: string): boolean {
  const wanted = normalName(name);
  return Object.values(project.services).some((service) =>
    [
      service.name,
      service.containerName,
      ...service.networks.flatMap((network) => network.aliases),
      ...instanceNames(project, service),
    ].some((one) => one !== undefined && normalName(one) === wanted),
  );
}

/** The networks of `to` that `from` is on too. A service without networks reaches itself only. */
export function sharedNetworks(from: Service, to: Service): readonly ServiceNetwork[] {
  const mine = new Set(from.networks.map(({ network }) => network));
  return to.networks.filter(({ network }) => mine.has(network));
}

/** Container names of the replicas, in order, in normal form. */
function instanceNames(project: Project, service: Service): readonly string[] {
  return Array.from({ length: service.replicas }, (_, at) => normalName(`${project.name}-${service.name}-${at + 1}`));
}
