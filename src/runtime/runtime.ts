import type { LogSink } from '../logs/record.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import type { MountSpec, NetworkSpec, Service } from '../model/project.ts';
import type { ExitStatus, Health, ObservedInstance, PublishedPort } from '../model/state.ts';
import type { InstanceUsage } from './usage.ts';

/**
 * The port that `container` (Docker Engine) and `wasm` (in-process) both implement, and the fake for tests.
 * test/contract/runtime.contract.ts is its specification. A driver applies the restart policy and the
 * healthcheck itself, as the Engine does for containers, and tells of both by events.
 */
export interface Runtime<S extends Service = Service> extends AsyncDisposable {
  readonly kind: S['kind'];
  /** Instances of the project, also those a former process made. Never another project's. */
  observe(project: ProjectName, signal: AbortSignal): Promise<readonly ObservedInstance[]>;
  /** Makes the service startable: pulls its image, reads and compiles its module. A no-op when that is done. */
  prepare(service: S, progress: (step: Progress) => void, signal: AbortSignal): Promise<void>;
  /** Returns the handle. The instance does not run yet. */
  create(request: CreateRequest<S>, signal: AbortSignal): Promise<string>;
  /** Gives one that was made beside another its own name; undefined where there is no beside. */
  rename?(request: { readonly handle: string; readonly name: string }, signal: AbortSignal): Promise<void>;
  /** Resolves when the instance runs; it may have ended already. Starting a running instance is a no-op. */
  start(handle: string, signal: AbortSignal): Promise<void>;
  /** Resolves when the instance has ended, by itself or after `graceMs` by force. No restart policy applies after it. */
  stop(handle: string, graceMs: number, signal: AbortSignal): Promise<ExitStatus>;
  /** Removes the instance, by force if it runs. Removing what is gone is a no-op. */
  remove(handle: string, signal: AbortSignal): Promise<void>;
  /** What a running instance uses now; undefined for one that does not run. */
  usage(handle: string, signal: AbortSignal): Promise<InstanceUsage | undefined>;
  /** Changes of the project's instances from now on, until the signal. Ends only with the signal. */
  events(project: ProjectName, signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

export interface CreateRequest<S extends Service> {
  readonly id: InstanceId;
  readonly project: ProjectName;
  readonly service: S;
  readonly index: number;
  readonly configHash: string;
  readonly mounts: readonly ResolvedMount[];
  /** The networks of `service.networks`, in order, by their specification. */
  readonly networks: readonly NetworkSpec[];
  /** Labels every object of the project carries, see runtime/container/labels.ts. */
  readonly workingDir: string;
  readonly configFiles: readonly string[];
  readonly logs: LogSink;
  /** It does not get the unnamed volumes of the one that it replaces. */
  readonly renewVolumes?: boolean | undefined;
  /** Handle of the one that it is made beside, with its unnamed volumes, and whose name it will have. Of containers only. */
  readonly replaces?: string | undefined;
  /** A container for one command: no replica of its service. Of containers only. */
  readonly oneOff?: OneOff | undefined;
}

export interface OneOff {
  readonly slug: string;
  /** Somebody will be attached to its input; it ends when they leave. */
  readonly stdin: boolean;
  /** It answers to the names of its service, and not only to its own. */
  readonly useAliases: boolean;
}

/** A mount whose host side is known: one host directory, two doors. */
export interface ResolvedMount {
  readonly spec: MountSpec;
  /** Where the files are on the host; undefined for tmpfs and for volumes that only the Engine can see. */
  readonly hostPath?: string | undefined;
  /** The Engine's name of the volume; undefined for binds and tmpfs. */
  readonly engineVolume?: string | undefined;
}

export type RuntimeEvent =
  | { readonly type: 'started'; readonly handle: string; readonly id: InstanceId; readonly at: number }
  | {
      readonly type: 'exited';
      readonly handle: string;
      readonly id: InstanceId;
      readonly at: number;
      readonly exit: ExitStatus;
      readonly restartAt?: number | undefined;
    }
  | {
      readonly type: 'health';
      readonly handle: string;
      readonly id: InstanceId;
      readonly at: number;
      readonly health: Health;
    }
  /** A Wasm guest listens on a port, or does no longer. */
  | {
      readonly type: 'ports';
      readonly handle: string;
      readonly id: InstanceId;
      readonly at: number;
      readonly ports: readonly PublishedPort[];
    }
  | { readonly type: 'removed'; readonly handle: string; readonly id: InstanceId; readonly at: number }
  /** The Engine does not answer; instances may be in any state until `runtime-found`. */
  | { readonly type: 'runtime-lost'; readonly at: number; readonly reason: string }
  | { readonly type: 'runtime-found'; readonly at: number };

export interface Progress {
  readonly step: string;
  readonly done: number;
  readonly total?: number | undefined;
  /** Of a pull or a push. */
  readonly layers?: readonly LayerProgress[] | undefined;
}

export interface LayerProgress {
  readonly id: string;
  /** The Engine's word: `Downloading`, `Extracting`, `Pull complete`. */
  readonly status: string;
  readonly done: number;
  readonly total: number;
}
