import type { Project, Service } from '../model/project.ts';

/** Services that cannot run without an Engine: containers, and Wasm services on networks somebody else made. */
export function servicesNeedingEngine(project: Project): readonly Service[] {
  return Object.values(project.services).filter(
    (service) =>
      service.kind === 'container' ||
      service.networks.some((network) => project.networks[network.network]?.external === true),
  );
}

/** A project nobody stored may still be in the Engine: docker compose made it, or its state directory is gone. */
export function mayUseEngine(known: readonly Project[]): boolean {
  return known.length === 0 || known.some((project) => servicesNeedingEngine(project).length > 0);
}
