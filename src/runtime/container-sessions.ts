import type { Terminal } from './terminal.ts';

/** Commands with a user at the other end, in containers. */
export interface ContainerSessions {
  /**
   * Runs a command in a container that runs; resolves with its exit status. The signal ends the waiting and never the
   * command, as with docker.
   */
  exec(handle: string, command: ExecCommand, terminal: Terminal, signal: AbortSignal): Promise<number>;
  /**
   * Attaches to a container that was created and does not run, lets `start` start it, and resolves with its exit
   * status when it has ended; undefined when the user detached from it.
   */
  attach(handle: string, options: AttachOptions, terminal: Terminal, signal: AbortSignal): Promise<number | undefined>;
  /**
   * Attaches to a container that runs, from now on, and resolves with its exit status when it has ended; undefined when
   * the user detached from it. `started` is told whether it has a terminal.
   */
  attachRunning(
    handle: string,
    options: AttachRunningOptions,
    terminal: Terminal,
    signal: AbortSignal,
  ): Promise<number | undefined>;
  /** Resolves with the exit status when the container has ended. */
  wait(handle: string, signal: AbortSignal): Promise<number>;
}

export interface ExecCommand {
  readonly argv: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Resolve when it was started. */
  readonly detach: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly privileged: boolean;
}

export interface AttachOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly start: () => Promise<void>;
}

export interface AttachRunningOptions {
  readonly stdin: boolean;
  /** Undefined: the Engine's. */
  readonly detachKeys?: string | undefined;
  readonly started: (tty: boolean) => void;
}
