import type { EngineEnv } from './engine-env.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { PortSpec, Project, MountSpec } from '../model/project.ts';
import type { SupervisorEvent } from './protocol.ts';

/** What a session does; the first message of the client. */
export type SessionRequest = ExecRequest | RunRequest;

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
  | { readonly type: 'started'; readonly name: string }
  | { readonly type: 'exit'; readonly code: number }
  | { readonly type: 'error'; readonly error: WireError };

/** Names the protocol in the request that becomes a session. */
export const SESSION_UPGRADE = 'wcompose-session';
