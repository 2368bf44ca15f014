/** Where a value came from, kept from YAML to the last error message. Lines and columns count from 1. */
export interface SourceRef {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `services.web.ports[0]` */
  readonly path: string;
}

/**
 * One row per error: the table, not the call sites, fixes the exit status and who is to blame.
 * Exit statuses are docker compose's: 1 for everything but what is named otherwise in the design (130: interrupted).
 */
export const ERROR_TABLE = {
  /** The file is not YAML. */
  ERR_COMPOSE_PARSE: { exit: 1, blame: 'user' },
  /** The file is YAML, but not a compose file that makes sense. */
  ERR_COMPOSE_INVALID: { exit: 1, blame: 'user' },
  /** The compose specification allows it, this version of wcompose does not do it. */
  ERR_COMPOSE_UNSUPPORTED: { exit: 1, blame: 'user' },
  /** No compose file was found or one named with -f does not exist. */
  ERR_COMPOSE_NOT_FOUND: { exit: 1, blame: 'user' },
  /** Flags or arguments of the command line contradict each other or name something unknown. */
  ERR_USAGE: { exit: 1, blame: 'user' },
  ERR_NO_SUCH_SERVICE: { exit: 1, blame: 'user' },
  ERR_ENGINE_UNREACHABLE: { exit: 1, blame: 'environment' },
  /** The Engine refused a request for a reason that no other row names. */
  ERR_ENGINE_REFUSED: { exit: 1, blame: 'environment' },
  ERR_IMAGE_NOT_FOUND: { exit: 1, blame: 'user' },
  ERR_NAME_TAKEN: { exit: 1, blame: 'environment' },
  ERR_PORT_IN_USE: { exit: 1, blame: 'environment' },
  /** A registry cannot be reached, or does not answer as one. */
  ERR_REGISTRY: { exit: 1, blame: 'environment' },
  /** A registry did not take an image. */
  ERR_PUSH_FAILED: { exit: 1, blame: 'user' },
  /** What makes a module or an image failed, or made none. */
  ERR_BUILD_FAILED: { exit: 1, blame: 'user' },
  ERR_MODULE_NOT_FOUND: { exit: 1, blame: 'user' },
  ERR_MODULE_INVALID: { exit: 1, blame: 'user' },
  /** The module imports functions the host does not have. */
  ERR_MODULE_IMPORTS: { exit: 1, blame: 'user' },
  /** An instance that others wait for ended or became unhealthy. */
  ERR_DEPENDENCY_FAILED: { exit: 1, blame: 'user' },
  ERR_MOUNT: { exit: 1, blame: 'user' },
  /** The command of a container cannot be run: the program is not in its image, or is not executable. */
  ERR_COMMAND: { exit: 1, blame: 'user' },
  /** A network that is named does not exist, or its name is ambiguous. */
  ERR_NETWORK: { exit: 1, blame: 'user' },
  /** A network, volume or container of that name exists and is not ours. */
  ERR_NOT_OURS: { exit: 1, blame: 'environment' },
  ERR_NODE_TOO_OLD: { exit: 1, blame: 'environment' },
  ERR_SUPERVISOR_BUSY: { exit: 1, blame: 'environment' },
  ERR_SUPERVISOR_VERSION: { exit: 1, blame: 'environment' },
  ERR_SUPERVISOR_LOST: { exit: 1, blame: 'environment' },
  ERR_INTERNAL: { exit: 1, blame: 'wcompose' },
} as const satisfies Record<`ERR_${string}`, { exit: number; blame: 'user' | 'environment' | 'wcompose' }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorDetails {
  /** What the user can do about it. */
  readonly hint?: string | undefined;
  readonly source?: SourceRef | undefined;
  /** The source line of `source`, to be shown with a caret. */
  readonly sourceLine?: string | undefined;
  readonly cause?: unknown;
}

/** The only error class that may reach a user: says what failed in the user's own names, where, and what to do. */
export class WcError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly source: SourceRef | undefined;
  readonly sourceLine: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'WcError';
    this.code = code;
    this.hint = details.hint;
    this.source = details.source;
    this.sourceLine = details.sourceLine;
  }
}

/** Several independent errors of one run, in the order of the file. */
export class WcErrors extends Error {
  readonly errors: readonly WcError[];

  constructor(errors: readonly WcError[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.name = 'WcErrors';
    this.errors = errors;
  }
}

/** Something the user should know that does not stop the command. */
export interface Warning {
  readonly message: string;
  readonly source?: SourceRef | undefined;
  readonly sourceLine?: string | undefined;
}

/** The error as the control socket carries it. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly source?: SourceRef | undefined;
  readonly sourceLine?: string | undefined;
  /** Stack of an internal error, for the bug report. */
  readonly detail?: string | undefined;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof WcError) {
    return {
      code: error.code,
      message: error.message,
      hint: error.hint,
      source: error.source,
      sourceLine: error.sourceLine,
      detail: error.code === 'ERR_INTERNAL' ? stackOf(error.cause ?? error) : undefined,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'ERR_INTERNAL', message, detail: stackOf(error) };
}

export function fromWireError(wire: WireError): WcError {
  return new WcError(wire.code, wire.message, { ...wire, cause: wire.detail });
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
