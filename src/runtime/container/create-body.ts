import { WcError } from '../../model/diagnostic.ts';
import type { ContainerService, Healthcheck, NetworkSpec, PortSpec, RestartPolicy } from '../../model/project.ts';
import type { CreateRequest, ResolvedMount } from '../runtime.ts';
import { ENGINE_ATTRIBUTES } from './engine-attributes.ts';
import { containerLabels } from './labels.ts';

export type CreateBody = Readonly<Record<string, unknown>>;

/** The body of `POST /containers/create`. Pure. An attribute without a row in the table is ERR_COMPOSE_UNSUPPORTED. */
export function createBody(request: CreateRequest<ContainerService>): CreateBody {
  const { service } = request;
  const config: Record<string, unknown> = {};
  const host: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(service.engine)) {
    const place = ENGINE_ATTRIBUTES[name];
    if (place === undefined) {
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: ${name} is not supported yet`, {
        source: { ...service.source, path: `services.${service.name}.${name}` },
      });
    }
    place(value, { config, host });
  }
  return {
    ...config,
    Image: service.image,
    ...optional('Cmd', service.command),
    ...optional('Entrypoint', service.entrypoint),
    ...optional('WorkingDir', service.workingDir),
    ...optional('User', service.user),
    ...optional('StopSignal', service.stopSignal),
    StopTimeout: Math.ceil(service.stopGraceMs / 1000),
    Env: environment(service),
    Labels: containerLabels(request),
    ExposedPorts: exposedPorts(service),
    ...optional('Healthcheck', service.healthcheck === undefined ? undefined : healthcheck(service.healthcheck)),
    HostConfig: {
      ...host,
      RestartPolicy: restartPolicy(service.restart),
      PortBindings: portBindings(service.ports),
      ...optional('Memory', service.memoryBytes),
      ExtraHosts: Object.entries(service.extraHosts).flatMap(([name, addresses]) =>
        addresses.map((address) => `${name}:${address}`),
      ),
      NetworkMode: service.networkMode ?? request.networks[0]?.name ?? 'none',
      ...mounts(request.mounts, host),
    },
    ...networking(request),
  };
}

/** The endpoint of a network: the names by which others on it find the instance. */
export function endpointSettings(service: ContainerService, network: NetworkSpec, name: string): CreateBody {
  const joined = service.networks.find((one) => one.network === network.key);
  const aliases = [...new Set([service.name, name, ...(joined?.aliases ?? [])])];
  const address = joined?.ipv4Address;
  return { Aliases: aliases, ...(address === undefined ? {} : { IPAMConfig: { IPv4Address: address } }) };
}

/** `<project>-<service>-<n>`, or what the file says. */
export function containerName(project: string, service: ContainerService, index: number): string {
  return service.containerName ?? `${project}-${service.name}-${index}`;
}

/** Engines before API 1.44 take one network at creation; the others are connected before the start. */
function networking(request: CreateRequest<ContainerService>): CreateBody {
  const { service } = request;
  const [first] = request.networks;
  if (service.networkMode !== undefined || first === undefined) return {};
  const name = containerName(request.project, service, request.index);
  return { NetworkingConfig: { EndpointsConfig: { [first.name]: endpointSettings(service, first, name) } } };
}

function environment(service: ContainerService): readonly string[] {
  return Object.entries(service.environment).flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]));
}

function exposedPorts(service: ContainerService): CreateBody {
  const all = [
    ...service.ports.map((port) => `${port.target}/${port.protocol}`),
    ...service.expose.map((port) => `${port.port}/${port.protocol}`),
  ];
  return Object.fromEntries(all.map((port) => [port, {}]));
}

function portBindings(ports: readonly PortSpec[]): CreateBody {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const key = `${port.target}/${port.protocol}`;
    (bindings[key] ??= []).push({
      HostIp: port.hostIp,
      HostPort: port.published === undefined ? '' : String(port.published),
    });
  }
  return bindings;
}

function restartPolicy(restart: RestartPolicy): CreateBody {
  return restart.when === 'on-failure'
    ? { Name: 'on-failure', MaximumRetryCount: restart.maxRetries ?? 0 }
    : { Name: restart.when };
}

function healthcheck(check: Healthcheck): CreateBody {
  return {
    ...optional('Test', healthcheckTest(check.probe)),
    ...optional('Interval', nanoseconds(check.intervalMs)),
    ...optional('Timeout', nanoseconds(check.timeoutMs)),
    ...optional('StartPeriod', nanoseconds(check.startPeriodMs)),
    ...optional('StartInterval', nanoseconds(check.startIntervalMs)),
    ...optional('Retries', check.retries),
  };
}

function healthcheckTest(probe: Healthcheck['probe']): readonly string[] | undefined {
  switch (probe.type) {
    case 'exec':
      return ['CMD', ...probe.argv];
    case 'shell':
      return ['CMD-SHELL', probe.command];
    case 'none':
      return ['NONE'];
    case 'image':
      return undefined;
    case 'http':
    case 'tcp':
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `a healthcheck of type ${probe.type} is for Wasm services`, {
        hint: 'give the container a healthcheck.test',
      });
  }
}

function nanoseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1e6);
}

function mounts(resolved: readonly ResolvedMount[], host: Readonly<Record<string, unknown>>): CreateBody {
  const tmpfs = resolved.filter((mount) => mount.spec.type === 'tmpfs');
  return {
    Mounts: resolved.filter((mount) => mount.spec.type !== 'tmpfs').map(mountBody),
    ...(tmpfs.length === 0
      ? {}
      : { Tmpfs: { ...(host['Tmpfs'] as object | undefined), ...Object.fromEntries(tmpfs.map(tmpfsEntry)) } }),
  };
}

function mountBody({ spec, hostPath, engineVolume }: ResolvedMount): CreateBody {
  const common = { Target: spec.target, ReadOnly: spec.readOnly };
  if (spec.type === 'bind') return { ...common, Type: 'bind', Source: hostPath ?? spec.source };
  // An anonymous volume has no source: the Engine makes one and removes it with the container.
  const volume = { ...common, Type: 'volume', ...optional('Source', engineVolume) };
  return spec.noCopy ? { ...volume, VolumeOptions: { NoCopy: true } } : volume;
}

function tmpfsEntry({ spec }: ResolvedMount): readonly [string, string] {
  const options = [
    ...(spec.sizeBytes === undefined ? [] : [`size=${spec.sizeBytes}`]),
    ...(spec.readOnly ? ['ro'] : []),
  ];
  return [spec.target, options.join(',')];
}

function optional(key: string, value: unknown): CreateBody {
  return value === undefined ? {} : { [key]: value };
}
