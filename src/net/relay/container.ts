import type { ProjectName, ServiceName } from '../../model/ids.ts';
import type { Plane } from '../plane.ts';

/** What one relay container is made of. */
export interface RelaySpec {
  readonly project: ProjectName;
  readonly service: ServiceName;
  readonly index: number;
  /** The container's name, which Docker's DNS answers too. */
  readonly name: string;
  /** The Engine's networks, at least one. */
  readonly networks: readonly RelayNetwork[];
  /** Host directory with the worker's sockets; it and they belong to this user. */
  readonly socketDir: string;
  readonly plane: Plane;
}

export interface RelayNetwork {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly ipv4Address?: string | undefined;
}

export const KIND_LABEL = 'dev.wcompose.kind';

/** The body of `POST /containers/create`: a container that may do nothing but accept and connect. */
export function relayBody(spec: RelaySpec, image: string, rootless: boolean): Readonly<Record<string, unknown>> {
  const [network] = spec.networks;
  const sharesDirectory = spec.plane === 'unix';
  if (network === undefined) throw new RangeError(`a relay of ${spec.service} on no network`);
  return {
    Image: image,
    Cmd: sharesDirectory ? ['run', RELAY_SOCKET_DIR] : ['run'],
    User: sharesDirectory ? hostUser(rootless) : NOBODY,
    // The end of stdin is how the relay learns that its supervisor has died: it exits and AutoRemove does the rest.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    Labels: {
      'com.docker.compose.project': spec.project,
      'com.docker.compose.service': spec.service,
      'com.docker.compose.container-number': String(spec.index),
      [KIND_LABEL]: 'relay',
    },
    HostConfig: {
      ...CONFINED,
      ...(sharesDirectory ? withHostFiles(spec.socketDir) : {}),
      NetworkMode: network.name,
      // The same ports as the service, also those below 1024, without any capability.
      Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
    },
    NetworkingConfig: { EndpointsConfig: { [network.name]: endpoint(network) } },
  };
}

/** What relay and helper containers have in common. */
export const CONFINED = {
  AutoRemove: true,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  ReadonlyRootfs: true,
  // Their output is a protocol, not a log.
  LogConfig: { Type: 'none', Config: {} },
  PidsLimit: 16,
  // Buffers of slow connections count, so this is far above what the program itself needs.
  Memory: 512 * 1024 * 1024,
} as const;

/** For containers that use files of the host. */
export const HOST_FILES = {
  // On a host with SELinux a container may not use a socket of the host otherwise; elsewhere it means nothing.
  SecurityOpt: [...CONFINED.SecurityOpt, 'label=disable'],
  // Users of the host, also where the Engine maps those of containers to others: the directories are theirs.
  UsernsMode: 'host',
} as const;

function withHostFiles(socketDir: string): Readonly<Record<string, unknown>> {
  const mount = { Type: 'bind', Source: socketDir, Target: RELAY_SOCKET_DIR, ReadOnly: true };
  return { ...HOST_FILES, Mounts: [mount] };
}

/** Root of a rootless Engine's container is this user; elsewhere a number is the same inside and outside. */
function hostUser(rootless: boolean): string {
  return rootless ? '0:0' : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}

function endpoint(network: RelayNetwork): Readonly<Record<string, unknown>> {
  return {
    Aliases: network.aliases,
    ...(network.ipv4Address === undefined ? {} : { IPAMConfig: { IPv4Address: network.ipv4Address } }),
  };
}

const RELAY_SOCKET_DIR = '/run/wc';
const NOBODY = '65534:65534';
