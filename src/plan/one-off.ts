import { serviceName } from '../model/ids.ts';
import type { MountSpec, PortSpec, Service } from '../model/project.ts';

/** What `run` changes of a service. */
export interface OneOffChanges {
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly mounts: readonly MountSpec[];
  readonly ports: readonly PortSpec[];
  readonly servicePorts: boolean;
  readonly useAliases: boolean;
  readonly tty: boolean;
  /** Of the container; a Wasm instance has it too. */
  readonly name: string;
  readonly slug: string;
}

/**
 * The service of a one-off instance. It publishes nothing that was not asked for, is never started again, and does not
 * answer to the service's names: that is what tells it from a replica.
 */
export function oneOffService(service: Service, changes: OneOffChanges): Service {
  const targets = new Set(changes.mounts.map((mount) => mount.target));
  const common = {
    containerName: changes.name,
    replicas: 1,
    restart: { when: 'no' },
    environment: { ...service.environment, ...changes.environment },
    labels: { ...service.labels, ...changes.labels },
    ports: [...(changes.servicePorts ? service.ports : []), ...changes.ports],
    networks: service.networks.map(({ network, aliases }) => ({
      network,
      aliases: changes.useAliases ? aliases : [],
    })),
    mounts: [...service.mounts.filter((mount) => !targets.has(mount.target)), ...changes.mounts],
    user: changes.user ?? service.user,
    workingDir: changes.workingDir ?? service.workingDir,
  } as const;
  if (service.kind === 'wasm') {
    return {
      ...service,
      ...common,
      // To the fabric it is a service of its own.
      name: serviceName(`${service.name}-run-${changes.slug}`),
      args: wasmArgs(service, changes),
      // A command is run, and no request waited for.
      interface: service.interface === 'cgi' ? 'command' : service.interface,
    };
  }
  return {
    ...service,
    ...common,
    engine: { ...service.engine, tty: changes.tty },
    ...commandOf(service, changes),
  };
}

function wasmArgs(
  { args, entrypointArgs = [] }: Extract<Service, { kind: 'wasm' }>,
  { command, entrypoint }: OneOffChanges,
): readonly string[] {
  if (entrypoint !== undefined) return [...entrypoint, ...(command ?? [])];
  return command === undefined ? args : [...entrypointArgs, ...command];
}

/** Another entrypoint does not know what to do with the service's command. */
function commandOf(
  service: Extract<Service, { kind: 'container' }>,
  { command, entrypoint }: OneOffChanges,
): Pick<Extract<Service, { kind: 'container' }>, 'command' | 'entrypoint'> {
  if (entrypoint !== undefined) return { entrypoint, command: command ?? [] };
  return { entrypoint: service.entrypoint, command: command ?? service.command };
}
