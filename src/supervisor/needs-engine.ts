import { WcError } from '../model/diagnostic.ts';
import type { Project, Service } from '../model/project.ts';
import type { EngineAccess, EngineSide } from './engine-access.ts';

/** Services that cannot run without an Engine: containers, and Wasm services of images or on networks somebody else made. */
export function servicesNeedingEngine(project: Project): readonly Service[] {
  return Object.values(project.services).filter(
    (service) =>
      service.kind === 'container' ||
      service.module.from === 'oci' ||
      service.networks.some((network) => project.networks[network.network]?.external === true),
  );
}

/** A project nobody stored may still be in the Engine: docker compose made it, or its state directory is gone. */
export function mayUseEngine(known: readonly Project[]): boolean {
  return known.length === 0 || known.some((project) => servicesNeedingEngine(project).length > 0);
}

/** The Engine, when a service needs it; without one the error names the services. */
export async function engineFor(
  access: EngineAccess,
  known: readonly Project[],
  project: Project,
  signal: AbortSignal,
): Promise<EngineSide | undefined> {
  const needed = servicesNeedingEngine(project);
  if (!mayUseEngine(known)) return access.current;
  try {
    return await access.get(signal);
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_ENGINE_UNREACHABLE') throw error;
    if (needed.length === 0) return undefined;
    const list = needed.map((service) => service.name).join(', ');
    throw new WcError('ERR_ENGINE_UNREACHABLE', `${error.message} (needed by: ${list})`, {
      source: needed[0]?.source,
      hint: error.hint,
      cause: error,
    });
  }
}

/** Removing works without an Engine when there is nothing of it to remove. */
export async function engineForDown(
  access: EngineAccess,
  known: readonly Project[],
  signal: AbortSignal,
): Promise<EngineSide | undefined> {
  if (!mayUseEngine(known)) return access.current;
  try {
    return await access.get(signal);
  } catch (error) {
    if (known.length === 0 && error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return undefined;
    throw error;
  }
}
