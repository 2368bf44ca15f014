import type { EngineEnv } from './engine-env.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { PortSpec, Project, MountSpec } from '../model/project.ts';
import type { SupervisorEvent } from './protocol.ts';

/** What a session does; the first message of the client. */
export type SessionRequest = ExecRequest | RunRequest | AttachRequest | CopyOutRequest | CopyInRequest | ExportRequest;

/** A command in an instance that runs. */
export interface ExecRequest {
  readonly open: 'exec';
  readonly service: string;
  /** Undefined: the first that runs. */
  readonly index?: number | undefined;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detach: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly privileged: boolean;
}

/** A new instance of a service, for one command. */
export interface RunRequest {
  readonly open: 'run';
  readonly project: Project;
  readonly engineEnv: EngineEnv;
  readonly service: string;
  /** Undefined: the service's own. */
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detach: boolean;
  readonly remove: boolean;
  readonly withDependencies: boolean;
  readonly build: 'missing' | 'always';
  /** See ApplyRequest. */
  readonly buildEnvironment?: Readonly<Record<string, string>> | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly name?: string | undefined;
  readonly mounts: readonly MountSpec[];
  readonly ports: readonly PortSpec[];
  /** Also the service's own ports, and its names on its networks. */
  readonly servicePorts: boolean;
  readonly useAliases: boolean;
}

/** The output of an instance that runs, and its input. */
export interface AttachRequest {
  readonly open: 'attach';
  readonly service: string;
  readonly index?: number | undefined;
  readonly stdin: boolean;
  readonly signals: boolean;
  /** The Engine's words: `ctrl-p,ctrl-q`. */
  readonly detachKeys?: string | undefined;
}

/** The archive of a file or directory; it comes on stdout. */
export interface CopyOutRequest {
  readonly open: 'copy-out';
  /** The name of the instance. */
  readonly instance: string;
  readonly path: string;
  readonly followLinks: boolean;
}

/** An archive, as the input of the session, into an instance. */
export interface CopyInRequest {
  readonly open: 'copy-in';
  readonly instance: string;
  readonly path: string;
  /** What the first component of its entries stands for; undefined: the archive is taken as it is. */
  readonly source?: CopySource | undefined;
  /** Files get the owner that the instance runs as. */
  readonly archive: boolean;
}

export interface CopySource {
  readonly name: string;
  readonly isDirectory: boolean;
  /** What is in the directory, and not itself. */
  readonly contentsOnly: boolean;
}

/** The archive of all of the files of a container. */
export interface ExportRequest {
  readonly open: 'export';
  readonly service: string;
  readonly index?: number | undefined;
}

/** Messages of the client, after its request. */
export type ClientMessage =
  | { readonly type: 'input-end' }
  | ({ readonly type: 'resize' } & TerminalSize)
  | { readonly type: 'signal'; readonly name: string };

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Messages of the supervisor; `exit` and `error` are the last. */
export type ServerMessage =
  | { readonly type: 'event'; readonly event: SupervisorEvent }
  /** The command runs; of one that runs in the background its name is told. */
  | { readonly type: 'started'; readonly name: string; readonly tty?: boolean | undefined }
  | { readonly type: 'exit'; readonly code: number }
  | { readonly type: 'error'; readonly error: WireError };

/** Names the protocol in the request that becomes a session. */
export const SESSION_UPGRADE = 'wcompose-session';
