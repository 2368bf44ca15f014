import type { SourceRef } from './diagnostic.ts';
import type { ProjectName, ServiceName } from './ids.ts';
import type { ImageBuild } from './image-build.ts';

/**
 * A compose file after reading, interpolation, merge, validation and normalisation.
 * Plain JSON: it crosses the control socket and is written to disk. Every path is absolute.
 */
export interface Project {
  /** Raised when the shape changes; a supervisor refuses what it does not understand. */
  readonly version: 1;
  readonly name: ProjectName;
  readonly workingDir: string;
  readonly files: readonly string[];
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, NetworkSpec>>;
  readonly volumes: Readonly<Record<string, VolumeSpec>>;
  /**
   * Services of the file that are not in this run: their profile is off, or they cannot be run and were not asked for.
   * Their instances are no orphans.
   */
  readonly otherServices?: readonly string[] | undefined;
}

export type Service = ContainerService | WasmService;

/** What both kinds of service share; a driver never sees the other kind's fields. */
export interface ServiceCommon {
  readonly name: ServiceName;
  readonly containerName?: string | undefined;
  readonly replicas: number;
  /** null: the key is named without a value and unset in the caller's environment; the image's own value stays. */
  readonly environment: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly dependsOn: readonly Dependency[];
  readonly ports: readonly PortSpec[];
  readonly expose: readonly ExposedPort[];
  readonly networks: readonly ServiceNetwork[];
  /** `network_mode`; undefined: the service is on `networks`. */
  readonly networkMode?: string | undefined;
  /** name -> addresses; `host-gateway` stands for the host. */
  readonly extraHosts: Readonly<Record<string, readonly string[]>>;
  readonly mounts: readonly MountSpec[];
  readonly restart: RestartPolicy;
  readonly healthcheck?: Healthcheck | undefined;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
  readonly stopSignal?: string | undefined;
  readonly stopGraceMs: number;
  /** False: `up` does not follow its logs. */
  readonly attach?: boolean | undefined;
  /** `deploy.resources.limits.memory` or `mem_limit`. */
  readonly memoryBytes?: number | undefined;
  readonly source: SourceRef;
}

export interface ContainerService extends ServiceCommon {
  readonly kind: 'container';
  readonly image: string;
  readonly pullPolicy: PullPolicy;
  /** How the image is made. */
  readonly imageBuild?: ImageBuild | undefined;
  /** Secrets and configs that are no files of the host: put into the container before it starts. */
  readonly files?: readonly FileSpec[] | undefined;
  readonly platform?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly config: ServiceConfig;
  /** Other compose attributes that map one to one to the Engine's create body, by their compose name. */
  readonly engine: Readonly<Record<string, unknown>>;
}

/**
 * What docker compose makes the label `config-hash` of a container from. `parts`: where a service refers to the
 * containers of others, their ids belong to it, and are known only when those are there.
 */
export type ServiceConfig =
  | { readonly hash: string }
  | { readonly parts: readonly (string | { readonly containerOf: ServiceName })[] };

export interface WasmService extends ServiceCommon {
  readonly kind: 'wasm';
  readonly module: ModuleRef;
  /** How the module's file is made on the host. */
  readonly build?: ModuleBuild | undefined;
  /** How the image is made whose files the module is one of. */
  readonly imageBuild?: ImageBuild | undefined;
  readonly pullPolicy?: PullPolicy | undefined;
  /** The files of the image that the module is of: the read-only root of what the module sees. */
  readonly rootDirectory?: string | undefined;
  /** The name of that image. */
  readonly imageName?: string | undefined;
  /** What the module is told that it is called; undefined: the name of its file. */
  readonly programName?: string | undefined;
  /** The part of `args` that another command does not replace. */
  readonly entrypointArgs?: readonly string[] | undefined;
  /** Reads of standard input wait for somebody who writes; else it is empty. */
  readonly stdinOpen?: boolean | undefined;
  /** `entrypoint` and `command`; argv[0] is the module's name and is added by the host. */
  readonly args: readonly string[];
  readonly interface: 'auto' | 'command' | 'sockets' | 'http' | 'cgi';
  readonly engine: 'native' | 'wasmer';
  readonly isolation: 'worker' | 'shared' | 'process';
  readonly limits?: WasmLimits | undefined;
  /** The descriptor number of the first preopened listener; undefined: after the directories. */
  readonly listenFd?: number | undefined;
  /** Connections that the module finds open, on the descriptors after its listeners. */
  readonly connect?: readonly ConnectSpec[] | undefined;
  /** Narrows outbound connections to these `host:port`; undefined: what the networks allow. */
  readonly outbound?: readonly string[] | undefined;
  readonly swap: 'overlap' | 'restart';
  /** How requests are answered with interface `cgi`. */
  readonly cgi?: CgiOptions | undefined;
  readonly http?: HttpOptions | undefined;
}

/** `x-wasm.http`, for components that answer wasi:http. */
export interface HttpOptions {
  /** `kept`: an instance answers one request after the other, and what is in its memory stays. */
  readonly instances: 'per-request' | 'kept';
}

export interface ConnectSpec {
  /** A name or an IPv4 address. */
  readonly host: string;
  readonly port: number;
  readonly source: SourceRef;
}

/** `x-wasm.cgi`; what is undefined has its default in the Wasm driver. */
export interface CgiOptions {
  /** Requests at a time. */
  readonly concurrency?: number | undefined;
  /** Requests that may wait for their turn. */
  readonly queue?: number | undefined;
  /** How long a request may go without anything moving. */
  readonly timeoutMs?: number | undefined;
  readonly bodyLimitBytes?: number | undefined;
  /** The directory of the guest that `/` stands for. */
  readonly root?: string | undefined;
  /** The script, for a module that is an interpreter: a path of the guest. */
  readonly script?: string | undefined;
}

export interface WasmLimits {
  /** Processors, or parts of one: `cpus`. Held for `isolation: process` only. */
  readonly cpus?: number | undefined;
  /** Threads of the guest: `pids_limit`. */
  readonly threads?: number | undefined;
  /** Descriptors that may be open at once: `ulimits.nofile`. */
  readonly descriptors?: number | undefined;
}

export type ModuleRef =
  | { readonly from: 'file'; readonly path: string }
  /** An image of the Engine; what is said of entrypoint and command in the file stands before its own. */
  | {
      readonly from: 'oci';
      readonly reference: string;
      readonly entrypoint?: readonly string[] | undefined;
      readonly command?: readonly string[] | undefined;
    }
  | { readonly from: 'catalog'; readonly name: string; readonly version: string };

/** A command of the user's own, run in the project's directory: no Engine and no image is involved. */
export interface ModuleBuild {
  /** Run as it is; a text in the file has become `/bin/sh -c TEXT`. */
  readonly command: readonly string[];
  /** The file it makes, absolute. */
  readonly output: string;
  readonly source: SourceRef;
}

/** `every:<milliseconds>`: again when the last time is longer ago. */
export type PullPolicy = 'always' | 'missing' | 'never' | 'build' | `every:${number}`;

export type DependencyCondition = 'started' | 'healthy' | 'completed';

export interface Dependency {
  readonly service: ServiceName;
  readonly condition: DependencyCondition;
  readonly required: boolean;
  readonly restart: boolean;
}

export interface PortSpec {
  readonly target: number;
  /** Undefined: any free port. */
  readonly published?: number | undefined;
  /** Last of a range of which one port is taken, the first that is free; of containers only. */
  readonly publishedTo?: number | undefined;
  /** Empty: all interfaces. */
  readonly hostIp: string;
  /** sctp: of containers only. */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly source: SourceRef;
}

export interface ExposedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface ServiceNetwork {
  /** Key in `Project.networks`. */
  readonly network: string;
  /** Names beyond the service's own, from `networks.<key>.aliases`. */
  readonly aliases: readonly string[];
  readonly ipv4Address?: string | undefined;
  /** What follows is of containers only. */
  readonly ipv6Address?: string | undefined;
  readonly linkLocalIps?: readonly string[] | undefined;
  readonly macAddress?: string | undefined;
  readonly driverOpts?: Readonly<Record<string, string>> | undefined;
  readonly gatewayPriority?: number | undefined;
  readonly interfaceName?: string | undefined;
}

/** A file with content of its own. */
export interface FileSpec {
  /** Absolute path inside the service. */
  readonly target: string;
  /** Undefined: the variable that holds it is not set, which matters only when the container is made. */
  readonly content?: string | undefined;
  readonly variable?: string | undefined;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly origin: SourceRef;
}

export interface MountSpec {
  /** image: of containers only. */
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /**
   * bind: absolute host path. volume: key in `Project.volumes`, or empty for an anonymous volume. tmpfs: empty. image:
   * its name.
   */
  readonly source: string;
  /** Absolute path inside the service. */
  readonly target: string;
  readonly readOnly: boolean;
  /** bind: make the host directory when it is missing (short syntax). */
  readonly createHostPath: boolean;
  /** volume: do not copy the image's files into an empty volume. */
  readonly noCopy: boolean;
  /** tmpfs: size limit. */
  readonly sizeBytes?: number | undefined;
  /** tmpfs: permissions of its root. What follows is of containers only. */
  readonly mode?: number | undefined;
  readonly bind?: BindOptions | undefined;
  /** volume, image: this directory of it. */
  readonly subpath?: string | undefined;
  /** volume: labels of the one that the mount makes. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly origin: SourceRef;
}

/** How mounts below a bind are seen; `selinux` relabels the directory (`z` shared, `Z` private). */
export interface BindOptions {
  readonly propagation?: string | undefined;
  readonly recursive?: string | undefined;
  readonly selinux?: string | undefined;
}

/** Which addresses a network gives. */
export interface IpamSpec {
  readonly driver?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly pools: readonly {
    readonly subnet?: string | undefined;
    readonly ipRange?: string | undefined;
    readonly gateway?: string | undefined;
    readonly auxAddresses: Readonly<Record<string, string>>;
  }[];
}

export interface NetworkSpec {
  readonly key: string;
  readonly name: string;
  readonly external: boolean;
  readonly internal: boolean;
  readonly ipam?: IpamSpec | undefined;
  readonly enableIpv4?: boolean | undefined;
  readonly enableIpv6?: boolean | undefined;
  readonly attachable?: boolean | undefined;
  readonly driver?: string | undefined;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What docker compose labels it with; undefined: it is external. */
  readonly configHash?: string | undefined;
  readonly source?: SourceRef | undefined;
}

export interface VolumeSpec {
  readonly key: string;
  readonly name: string;
  readonly external: boolean;
  readonly driver?: string | undefined;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What docker compose labels it with; undefined: it is external. */
  readonly configHash?: string | undefined;
  readonly source?: SourceRef | undefined;
}

export type RestartPolicy =
  | { readonly when: 'no' | 'always' | 'unless-stopped' }
  | { readonly when: 'on-failure'; readonly maxRetries?: number | undefined };

export interface Healthcheck {
  readonly probe:
    | { readonly type: 'exec'; readonly argv: readonly string[] }
    | { readonly type: 'shell'; readonly command: string }
    | { readonly type: 'http'; readonly port: number; readonly path: string }
    | { readonly type: 'tcp'; readonly port: number }
    /** Only the times are given: the image's own test. */
    | { readonly type: 'image' }
    | { readonly type: 'none' };
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly startPeriodMs?: number | undefined;
  readonly startIntervalMs?: number | undefined;
  readonly retries?: number | undefined;
}

/** Times of a healthcheck that names none: the Engine's own. */
export const HEALTHCHECK_DEFAULTS = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  retries: 3,
} as const;
