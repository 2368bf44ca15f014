import type { EngineEnv } from './engine-env.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { InstanceId } from '../model/ids.ts';
import type { BuildOptions } from '../model/image-build.ts';
import type { Operation, Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import type { ExitStatus, ObservedInstance } from '../model/state.ts';

/** Raised with every change that an older client or supervisor would misunderstand. */
export const PROTOCOL_VERSION = 4;

/** Method and path -> what goes in and what comes out; server and client are typed by this table. */
export interface Routes {
  'GET /v1/info': { request: undefined; response: SupervisorInfo };
  'PUT /v1/project': { request: ApplyRequest; stream: SupervisorEvent };
  'DELETE /v1/project': { request: DownRequest; stream: SupervisorEvent };
  'POST /v1/services': { request: ServicesRequest; stream: SupervisorEvent };
  'POST /v1/instances': { request: InstancesRequest; response: InstancesReply };
  'POST /v1/pull': { request: PullRequest; stream: SupervisorEvent };
  'POST /v1/build': { request: BuildRequest; stream: SupervisorEvent };
  'POST /v1/push': { request: PushRequest; stream: SupervisorEvent };
  'POST /v1/images': { request: { readonly services: readonly string[] }; response: readonly ImageRow[] };
  /** Answers when an instance of the services has ended. */
  'POST /v1/wait': {
    request: { readonly services: readonly string[] };
    response: { readonly name: string; readonly code: number };
  };
  /** What happens to instances from now on. `?service=` narrows it. */
  'GET /v1/changes': { request: undefined; stream: InstanceChange };
  'POST /v1/top': { request: { readonly services: readonly string[] }; response: readonly InstanceProcesses[] };
  /** What instances use, once a second. `?service=` narrows it, `all=1` adds what does not run. */
  'GET /v1/stats': { request: undefined; stream: { readonly instances: readonly InstanceStats[] } };
  /** Names of the instances that `cp` means, also of those that do not run. */
  'POST /v1/copy-targets': {
    request: { readonly service: string; readonly index?: number | undefined; readonly oneOffs: boolean };
    response: readonly string[];
  };
  'GET /v1/instances': { request: undefined; response: Listing };
  /** Instance events from now on; the first says that the subscription stands. `?service=` narrows `running`. */
  'GET /v1/events': { request: undefined; stream: SupervisorEvent };
  /** NDJSON log records; the query is a LogQuery in the URL. */
  'GET /v1/logs': { request: undefined; stream: unknown };
}

export type RouteKey = keyof Routes;

export interface SupervisorInfo {
  readonly version: string;
  readonly protocol: number;
  readonly project: string;
  readonly pid: number;
}

/** What there is of a project. */
export interface Listing {
  readonly instances: readonly ObservedInstance[];
  /** Services that the project had when it was applied last; none when it is not known here. */
  readonly services: readonly string[];
  /** Why the Engine does not answer: its containers are as they were seen last, or not there at all. */
  readonly engineAway?: string | undefined;
}

export interface ApplyRequest {
  readonly project: Project;
  readonly services: readonly string[];
  readonly withDependencies: boolean;
  readonly recreate: 'changed' | 'always' | 'never';
  /** Of what the named services depend on. */
  readonly recreateDependencies: 'changed' | 'always' | 'never';
  readonly removeOrphans: boolean;
  /** Without a word about instances of services that the file no longer has. */
  readonly ignoreOrphans: boolean;
  /** What is made anew gets new volumes in the place of those that nobody named. */
  readonly renewVolumes: boolean;
  /**
   * Which volumes may be made anew, with the loss of what is in them, because their configuration changed. `ask`:
   * where there are such, nothing is done and the event `changed-volumes` names them.
   */
  readonly changedVolumes: 'ask' | 'all' | readonly string[];
  /** Overrides each service's own grace where an instance is stopped. */
  readonly timeoutMs?: number | undefined;
  /** Commands that make modules are run where the module is missing, for all selected services, or not at all. */
  readonly build: 'missing' | 'always' | 'never';
  /** Variables of the client that secrets of builds and the SSH agent are taken from. */
  readonly buildEnvironment?: Readonly<Record<string, string>> | undefined;
  readonly start: boolean;
  readonly wait: boolean;
  readonly waitTimeoutMs?: number | undefined;
  readonly dryRun: boolean;
  readonly failFast: boolean;
  /** Only what a one-off instance of this service needs; its own instances stay as they are. */
  readonly oneOff?: string | undefined;
  /** Is given up when the client goes away; otherwise it goes on without it. */
  readonly endsWithClient: boolean;
  readonly engineEnv: EngineEnv;
}

export interface DownRequest {
  /** The project as the client's file has it; undefined: what the supervisor knows. */
  readonly project?: Project | undefined;
  /** Only the instances of these, and the networks that nobody uses then; none: everything. */
  readonly services: readonly string[];
  readonly removeVolumes: boolean;
  readonly removeOrphans: boolean;
  readonly timeoutMs?: number | undefined;
  readonly dryRun: boolean;
  readonly engineEnv: EngineEnv;
}

export interface ServicesRequest {
  readonly action: 'start' | 'stop' | 'restart' | 'kill' | 'remove';
  readonly services: readonly string[];
  readonly timeoutMs?: number | undefined;
  /** `remove`: also the volumes of its instances that nobody named. */
  readonly volumes?: boolean | undefined;
  /** `start`: not what they depend on; `restart`: not those that are to be restarted with them. */
  readonly withoutDependencies?: boolean | undefined;
  /** `start`: ends when all of them are ready. */
  readonly wait?: boolean | undefined;
  readonly waitTimeoutMs?: number | undefined;
  readonly engineEnv: EngineEnv;
}

/** Something that is done at once to instances that run. */
export type InstancesRequest =
  | { readonly action: 'signal'; readonly services: readonly string[]; readonly signal: string }
  | { readonly action: 'pause' | 'unpause'; readonly services: readonly string[] };

export interface InstancesReply {
  readonly done: readonly { readonly name: string; readonly kind: ObservedInstance['kind'] }[];
  readonly warnings: readonly string[];
}

/** `build`: waits for no request before it. */
export interface BuildRequest {
  readonly project: Project;
  readonly services: readonly string[];
  readonly withDependencies: boolean;
  readonly options: BuildOptions;
  /** Variables of the client that secrets and the SSH agent are taken from. */
  readonly environment: Readonly<Record<string, string>>;
  /** Also to the registries of their names. */
  readonly push: boolean;
  readonly dryRun: boolean;
  readonly engineEnv: EngineEnv;
}

export interface PushRequest {
  readonly project: Project;
  readonly services: readonly string[];
  readonly withDependencies: boolean;
  /** What cannot be pushed is a warning. */
  readonly ignoreFailures: boolean;
  readonly engineEnv: EngineEnv;
}

export interface PullRequest {
  readonly project: Project;
  readonly services: readonly string[];
  readonly withDependencies: boolean;
  /** Undefined: the file's own, where it wants more than what is missing; else always. */
  readonly policy?: 'missing' | 'always' | undefined;
  /** Images that can be built are left out. */
  readonly ignoreBuildable: boolean;
  /** What cannot be pulled is a warning. */
  readonly ignoreFailures: boolean;
  readonly engineEnv: EngineEnv;
}

/** What an instance was made of. */
export interface ImageRow {
  readonly name: string;
  readonly kind: ObservedInstance['kind'];
  readonly id: string;
  readonly repository: string;
  readonly tag: string;
  readonly platform: string;
  readonly bytes: number;
  readonly createdAt?: number | undefined;
}

/** The Engine that an environment means. */
export type EngineReport =
  | {
      readonly reachable: true;
      /** With where it comes from. */
      readonly endpoint: string;
      readonly product: string;
      readonly version: string;
      /** That is spoken with it. */
      readonly apiVersion: string;
      /** That it would speak with somebody newer. */
      readonly newestApi: string;
      readonly platform: string;
    }
  | { readonly reachable: false; readonly error: WireError };

export interface InstanceChange {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly type: ObservedInstance['kind'];
  /** `start`, `die`, `destroy`, `health_status: healthy` */
  readonly action: string;
  readonly id: string;
  readonly service: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface InstanceProcesses {
  readonly name: string;
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** What an instance uses; what is not known or not measured for its kind is left out. */
export interface InstanceStats {
  /** The container's id, or that of the Wasm instance. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly kind: ObservedInstance['kind'];
  readonly isRunning: boolean;
  /** Of one processor. */
  readonly cpuPercent?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly receivedBytes?: number | undefined;
  readonly sentBytes?: number | undefined;
  readonly readBytes?: number | undefined;
  readonly writtenBytes?: number | undefined;
  readonly tasks?: number | undefined;
  readonly descriptors?: number | undefined;
  readonly connections?: number | undefined;
}

/** One project of all there are. */
export interface ListedProject {
  readonly name: string;
  /** How many of its instances are in which state. */
  readonly states: Readonly<Record<string, number>>;
  readonly files: readonly string[];
}

/** What may end a request before its time. */
export type Ending = 'stop' | 'kill' | 'down';

export type SupervisorEvent =
  /** `logSeq`: a follower that starts after it misses nothing of what this plan does. */
  | { readonly type: 'plan'; readonly plan: Plan; readonly text: string; readonly logSeq: number }
  | { readonly type: 'node'; readonly node: NodeView; readonly outcome: NodeView['outcome'] }
  | { readonly type: 'warning'; readonly message: string }
  /** One line that a build printed. */
  | {
      readonly type: 'output';
      readonly subject: string;
      readonly text: string;
      readonly stream: 'stdout' | 'stderr';
    }
  /** Nothing was done: the user is to say first which of them may be made anew. */
  | { readonly type: 'changed-volumes'; readonly volumes: readonly { readonly key: string; readonly name: string }[] }
  | { readonly type: 'subscribed'; readonly running: number; readonly logSeq: number }
  | {
      readonly type: 'exited';
      readonly id: InstanceId;
      readonly name: string;
      readonly exit: ExitStatus;
      readonly restarting: boolean;
      readonly running: number;
      readonly logSeq: number;
    }
  | { readonly type: 'engine'; readonly reachable: boolean; readonly reason?: string | undefined }
  | {
      readonly type: 'end';
      readonly ok: boolean;
      readonly failures: readonly WireError[];
      /** It was not done to its end: a later request ended it, or the supervisor was told to end. */
      readonly endedBy?: Ending | 'shutdown' | undefined;
    };

/** A plan node as it goes over the socket while it runs. */
export interface NodeView {
  readonly id: number;
  readonly op: Operation['op'];
  readonly subject: string;
  /** `Container guestbook-redis-1`, `Network guestbook_default`, `Wasm guestbook-api-1`: the words of compose. */
  readonly title: string;
  readonly outcome: 'running' | 'done' | 'failed' | 'skipped' | 'cancelled' | 'progress';
  readonly ms?: number | undefined;
  /** Progress of a pull, or the first line of the error. */
  readonly detail?: string | undefined;
  /** Bytes of a pull or a push. */
  readonly transfer?:
    | {
        readonly done: number;
        readonly total: number;
        readonly layers: readonly {
          readonly id: string;
          readonly status: string;
          readonly done: number;
          readonly total: number;
        }[];
      }
    | undefined;
}
