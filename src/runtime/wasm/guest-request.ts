import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { Attachment, PublishedListener } from '../../net/fabric.ts';
import type { ResolvedMount } from '../runtime.ts';
import { cgiSettings } from './cgi/settings.ts';
import { componentRole } from './component/prepare.ts';
import type { GuestRequest } from './messages.ts';
import type { PreparedModule } from './modules.ts';
import { NAME_SERVER } from './net/name-server.ts';
import type { ConnectTarget } from './net/preconnect.ts';
import { systemFiles } from './wasi/fs/etc.ts';
import type { MountSource } from './wasi/fs/root.ts';

/** What a guest may write where nothing is mounted; gone with it, as the top layer of a container is. */
const ROOT_BYTES = 64 * 1024 * 1024;

export interface GuestRequestSources {
  readonly service: WasmService;
  readonly module: PreparedModule;
  readonly mounts: readonly ResolvedMount[];
  readonly attachment: Attachment;
  /** `attachment.published`, perhaps with the ports that a former run got. */
  readonly published: readonly PublishedListener[];
}

/** The instance in the words of its worker. Throws ERR_MOUNT for a mount that only the Engine can reach. */
export function guestRequest(sources: GuestRequestSources): Omit<GuestRequest, 'output'> {
  const { service, module, attachment } = sources;
  const role = module.component === undefined ? undefined : componentRole(service, module.component.root);
  const ports = listenerPorts(service);
  const isCgi = service.interface === 'cgi';
  const preopened = role === 'http' ? httpPorts(service) : module.wantsListener && !isCgi ? ports : [];
  const connect = connections(service, preopened.length);
  return {
    engine: service.engine,
    module: requestModule(service, module),
    role,
    keepsInstances: service.http?.instances === 'kept',
    workingDir: service.workingDir,
    importedMemory: module.importedMemory,
    threadLimit: service.limits?.threads,
    args: [service.programName ?? module.name, ...service.args],
    // A component does not see its listeners.
    env: environment(sources, { preopened: role === undefined ? preopened : [], connect }),
    mounts: [...imageRoot(service), ...etc(attachment), ...sources.mounts.map((mount) => mountSource(service, mount))],
    stdinOpen: service.stdinOpen === true && !isCgi,
    rootBytes: ROOT_BYTES,
    descriptorLimit: service.limits?.descriptors,
    socketDir: attachment.socketDir,
    address: attachment.address,
    published: sources.published,
    preopened,
    listenFd: service.listenFd,
    connect,
    cgi: isCgi ? cgiSettings(service, ports, attachment.hostname) : undefined,
    closesByShutdown: module.closesByShutdown,
  };
}

function requestModule(service: WasmService, { component, module, bytes }: PreparedModule): GuestRequest['module'] {
  if (component !== undefined) return component;
  return service.isolation === 'process' ? bytes : (module ?? bytes);
}

/** In the order of the file, `ports` before `expose`, each once. */
function listenerPorts(service: WasmService): readonly number[] {
  const targets = service.ports.filter((port) => port.protocol === 'tcp').map((port) => port.target);
  const exposed = service.expose.filter((port) => port.protocol === 'tcp').map((port) => port.port);
  return [...new Set([...targets, ...exposed])];
}

/** On the descriptors after the listeners. Throws ERR_COMPOSE_INVALID where `ulimits.nofile` leaves none for them. */
function connections(service: WasmService, listeners: number): readonly ConnectTarget[] {
  const first = (service.listenFd ?? AFTER_DIRECTORIES) + listeners;
  const limit = service.limits?.descriptors ?? Infinity;
  return (service.connect ?? []).map(({ host, port, source }, index) => {
    const fd = first + index;
    if (fd < limit) return { host, port, fd };
    throw new WcError('ERR_COMPOSE_INVALID', `${service.name}: no descriptor is left for ${host}:${port}`, {
      source,
      hint: `it would be ${fd}, and ulimits.nofile allows ${limit}`,
    });
  });
}

/** Three standard streams, and the one tree of files. */
const AFTER_DIRECTORIES = 4;

/** A server that cannot choose its ports has those of the file, or those that other hosts of wasi:http have. */
function httpPorts(service: WasmService): readonly number[] {
  const named = listenerPorts(service);
  return named.length > 0 ? named : DEFAULT_HTTP_PORTS;
}

/** wasmtime serve, and spin up. */
const DEFAULT_HTTP_PORTS: readonly number[] = [8080, 80];

/** What the file says wins. Nothing of this process's environment is in it. */
function environment(
  sources: GuestRequestSources,
  { preopened, connect }: Pick<GuestRequest, 'preopened' | 'connect'>,
): readonly string[] {
  const { service, module, attachment } = sources;
  const connected = connect.map(({ host, port, fd }) => `${host}:${port}=${fd}`).join(',');
  const values: Record<string, string | null> = {
    HOSTNAME: attachment.hostname,
    ...(service.workingDir === undefined ? {} : { PWD: service.workingDir }),
    // A resolver in guests for WasmEdge asks a public server when nobody tells it better.
    ...(module.opensSockets ? { DNS_SERVER: `${NAME_SERVER.address}:${NAME_SERVER.port}` } : {}),
    ...(preopened.length === 0 ? {} : { LISTEN_FDS: String(preopened.length) }),
    ...(connect.length === 0 ? {} : { WCOMPOSE_CONNECT_FDS: connected }),
    ...service.environment,
  };
  return Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
}

/** The other files of the image that the module is of. */
export function imageRoot({ rootDirectory }: WasmService): readonly MountSource[] {
  if (rootDirectory === undefined) return [];
  return [{ kind: 'host', guestPath: '/', hostPath: rootDirectory, readOnly: true }];
}

function etc(attachment: Attachment): readonly MountSource[] {
  const files = systemFiles({ hostname: attachment.hostname, nameserver: NAME_SERVER.address, hosts: [] });
  return [...files, { kind: 'file', guestPath: '/etc/hosts', contents: Buffer.from(attachment.hostsFile) }];
}

export function mountSource(service: WasmService, mount: ResolvedMount): MountSource {
  const { spec, hostPath } = mount;
  if (spec.type === 'tmpfs') return { kind: 'memory', guestPath: spec.target, limitBytes: spec.sizeBytes };
  if (hostPath !== undefined) return { kind: 'host', guestPath: spec.target, hostPath, readOnly: spec.readOnly };
  throw new WcError('ERR_MOUNT', `${service.name}: the files of volume ${spec.source} are out of reach`, {
    source: spec.origin,
    hint: 'only the Docker Engine can see them',
  });
}
