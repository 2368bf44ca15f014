import { WcError } from '../../model/diagnostic.ts';
import type {
  ContainerService,
  Healthcheck,
  NetworkSpec,
  PortSpec,
  RestartPolicy,
  ServiceNetwork,
} from '../../model/project.ts';
import type { CreateRequest, OneOff } from '../runtime.ts';
import { ENGINE_ATTRIBUTES } from './engine-attributes.ts';
import type { BodyParts } from './engine-attributes.ts';
import { containerLabels } from './labels.ts';
import { mountsBody } from './mounts-body.ts';

export type CreateBody = Readonly<Record<string, unknown>>;

export interface CreatePlan {
  readonly name: string;
  readonly body: CreateBody;
  /** Networks to connect before the start: Engines before API 1.44 take one at creation. */
  readonly connect: readonly { readonly network: string; readonly endpoint: CreateBody }[];
}

/**
 * What `POST /containers/create` gets, and what is to be done after it. Pure. An attribute without a row in the table is
 * ERR_COMPOSE_UNSUPPORTED, a value that the row cannot use ERR_COMPOSE_INVALID.
 */
export function planCreate(
  request: CreateRequest<ContainerService>,
  severalNetworks: boolean,
  imageId?: string,
): CreatePlan {
  const { service } = request;
  const parts = attributes(service);
  const name = containerName(request.project, service, request.index);
  const { MacAddress: mac, ...shared } = parts.endpoint;
  const networks = service.networkMode === undefined ? request.networks : [];
  const endpoints = networks.map((network, at) => ({
    network: network.name,
    endpoint: {
      ...endpointSettings(request, network, name),
      ...shared,
      ...(at === 0 && severalNetworks ? optional('MacAddress', mac) : {}),
    },
  }));
  const atOnce = severalNetworks ? endpoints : endpoints.slice(0, 1);
  return {
    name,
    body: {
      ...parts.config,
      // Before API 1.44 the address is the container's, since then the connection's.
      ...(severalNetworks ? {} : optional('MacAddress', mac)),
      ...processConfig(service),
      ...attachedInput(request.oneOff),
      Labels: containerLabels({ ...request, networks, imageId }),
      ExposedPorts: exposedPorts(service),
      HostConfig: {
        ...parts.host,
        ...(networks.length === 0 ? optional('Links', shared['Links']) : {}),
        RestartPolicy: restartPolicy(service.restart),
        PortBindings: portBindings(service.ports),
        ...optional('Memory', service.memoryBytes),
        ExtraHosts: Object.entries(service.extraHosts).flatMap(([host, addresses]) =>
          addresses.map((address) => `${host}:${address}`),
        ),
        NetworkMode: service.networkMode ?? networks[0]?.name ?? 'none',
        ...mountsBody(request.mounts, parts.host),
      },
      ...(atOnce.length === 0
        ? {}
        : {
            NetworkingConfig: {
              EndpointsConfig: Object.fromEntries(atOnce.map((one) => [one.network, one.endpoint])),
            },
          }),
    },
    connect: severalNetworks ? [] : endpoints.slice(1),
  };
}

/** `<project>-<service>-<n>`, or what the file says. */
export function containerName(project: string, service: ContainerService, index: number): string {
  return service.containerName ?? `${project}-${service.name}-${index}`;
}

function attributes(service: ContainerService): BodyParts {
  const parts: BodyParts = { config: {}, host: {}, endpoint: {} };
  for (const [name, value] of Object.entries(service.engine)) {
    if (value === null || value === undefined) continue;
    const row = ENGINE_ATTRIBUTES[name];
    const source = { ...service.source, path: `services.${service.name}.${name}` };
    if (row === undefined) {
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: ${name} is not supported`, { source });
    }
    const entries = row.entries(value);
    if (entries === undefined) {
      throw new WcError('ERR_COMPOSE_INVALID', `${service.name}: ${name} cannot be ${JSON.stringify(value)}`, {
        source,
      });
    }
    for (const [key, entry] of Object.entries(entries)) {
      const before = parts[row.part][key];
      parts[row.part][key] = Array.isArray(before) && Array.isArray(entry) ? [...before, ...entry] : entry;
    }
  }
  return parts;
}

/** The connection to a network: the names by which others on it find the instance. */
function endpointSettings(
  { service, oneOff }: CreateRequest<ContainerService>,
  network: NetworkSpec,
  name: string,
): CreateBody {
  const joined = service.networks.find((one) => one.network === network.key);
  const isReplica = oneOff === undefined || oneOff.useAliases;
  // On the Engine's own bridge network there are no names.
  const aliases =
    network.name === 'bridge'
      ? []
      : [...new Set([...(isReplica ? [service.name] : []), name, ...(joined?.aliases ?? [])])];
  return { ...(aliases.length === 0 ? {} : { Aliases: aliases }), ...(joined === undefined ? {} : connection(joined)) };
}

function connection(joined: ServiceNetwork): CreateBody {
  const { ipv4Address, ipv6Address, linkLocalIps, interfaceName } = joined;
  const addresses = {
    ...optional('IPv4Address', ipv4Address),
    ...optional('IPv6Address', ipv6Address),
    ...optional('LinkLocalIPs', linkLocalIps),
  };
  const options = { ...joined.driverOpts, ...optional('com.docker.network.endpoint.ifname', interfaceName) };
  return {
    ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
    ...(Object.keys(options).length === 0 ? {} : { DriverOpts: options }),
    ...optional('MacAddress', joined.macAddress),
    ...optional('GwPriority', joined.gatewayPriority),
  };
}

/** Without `StdinOnce` the command would never see the end of its input. */
function attachedInput(oneOff: OneOff | undefined): CreateBody {
  return oneOff?.stdin === true ? { AttachStdin: true, OpenStdin: true, StdinOnce: true } : {};
}

function processConfig(service: ContainerService): CreateBody {
  return {
    Image: service.image,
    ...optional('Cmd', service.command),
    ...optional('Entrypoint', service.entrypoint),
    ...optional('WorkingDir', service.workingDir),
    ...optional('User', service.user),
    ...optional('StopSignal', service.stopSignal),
    StopTimeout: Math.ceil(service.stopGraceMs / 1000),
    Env: environment(service),
    ...optional('Healthcheck', service.healthcheck && healthcheck(service, service.healthcheck)),
  };
}

/** Without a value: the image's own stays. */
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
      HostPort: hostPort(port),
    });
  }
  return bindings;
}

/** Of a range the Engine takes the first that is free. */
function hostPort({ published, publishedTo }: PortSpec): string {
  if (published === undefined) return '';
  return publishedTo === undefined ? String(published) : `${published}-${publishedTo}`;
}

function restartPolicy(restart: RestartPolicy): CreateBody {
  return restart.when === 'on-failure'
    ? { Name: 'on-failure', MaximumRetryCount: restart.maxRetries ?? 0 }
    : { Name: restart.when };
}

function healthcheck(service: ContainerService, check: Healthcheck): CreateBody {
  return {
    ...optional('Test', healthcheckTest(service, check.probe)),
    ...optional('Interval', nanoseconds(check.intervalMs)),
    ...optional('Timeout', nanoseconds(check.timeoutMs)),
    ...optional('StartPeriod', nanoseconds(check.startPeriodMs)),
    ...optional('StartInterval', nanoseconds(check.startIntervalMs)),
    ...optional('Retries', check.retries),
  };
}

function healthcheckTest(service: ContainerService, probe: Healthcheck['probe']): readonly string[] | undefined {
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
      throw new WcError(
        'ERR_COMPOSE_UNSUPPORTED',
        `${service.name}: a healthcheck of type ${probe.type} is for Wasm services`,
        { hint: 'give the container a healthcheck.test', source: service.source },
      );
  }
}

function nanoseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1e6);
}

function optional(key: string, value: unknown): CreateBody {
  return value === undefined ? {} : { [key]: value };
}
