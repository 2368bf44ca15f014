/** The parts of the Engine API's objects that wcompose reads; names as the API has them. */

export interface VersionReply {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Arch: string;
  readonly Os?: string;
  readonly Components?: readonly { readonly Name: string }[];
}

export interface InfoReply {
  /** The host's name. */
  readonly Name?: string;
  readonly OperatingSystem?: string;
  readonly KernelVersion?: string;
  readonly SecurityOptions?: readonly string[] | null;
}

export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
  /** How the image was named; its id instead when that name stands for another image by now, or for none. */
  readonly Image: string;
  readonly ImageID: string;
  readonly NetworkSettings?: { readonly Networks: Readonly<Record<string, EndpointReply>> };
}

export interface ContainerInspect {
  readonly Id: string;
  /** With a slash before it. */
  readonly Name: string;
  readonly Created: string;
  /** The image's id; `Config.Image` is how it was named. */
  readonly Image: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: { readonly Status: string } | null;
  };
  readonly Config: {
    readonly Image: string;
    readonly Tty: boolean;
    readonly Labels: Readonly<Record<string, string>> | null;
  };
  readonly HostConfig: { readonly LogConfig?: { readonly Type: string } };
  readonly Mounts: readonly MountReply[];
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
    readonly Networks: Readonly<Record<string, EndpointReply>>;
  };
}

export interface MountReply {
  readonly Type: string;
  /** Of a volume. */
  readonly Name?: string;
  readonly Destination: string;
}

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface EndpointReply {
  readonly NetworkID: string;
  readonly IPAddress: string;
  readonly Aliases?: readonly string[] | null;
  /** Every name that is answered; only from API 1.44 on. */
  readonly DNSNames?: readonly string[] | null;
}

export interface ImageInspect {
  readonly Id: string;
  readonly Os: string;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Size?: number;
  readonly Created?: string;
  readonly Metadata?: { readonly LastTagTime?: string } | null;
  readonly Config?: {
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
  } | null;
}

export interface NetworkReply {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Driver: string;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null };
}

export interface VolumeReply {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Options: Readonly<Record<string, string>> | null;
}

export interface EngineEvent {
  readonly Type: string;
  /** `start`, `die`, `health_status: healthy`. */
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** Beyond 2^53: exact to about 256 ns, which is enough for a time of day. */
  readonly timeNano: number;
}

/** One line of a pull, load or build. */
export interface PullMessage {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  /** Of a push: what it was stored as. */
  readonly aux?: unknown;
}

export type Filters = Readonly<Record<string, readonly string[]>>;
