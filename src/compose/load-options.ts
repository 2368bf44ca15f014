/** Which project, from where. */
export interface LoadOptions {
  /** Absolute path of the directory that the command runs in. */
  readonly cwd: string;
  /** `-f`, in order; `-` is standard input. Empty: COMPOSE_FILE, else what lies in the directory or above it. */
  readonly files: readonly string[];
  readonly envFiles: readonly string[];
  readonly profiles: readonly string[];
  /** Only these services and what they need; empty: all. */
  readonly services: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: () => Promise<string>;
  readonly projectName?: string | undefined;
  readonly projectDirectory?: string | undefined;
}

/** Stages of the loader that `config` can leave out. */
export interface ModelOptions {
  readonly interpolate: boolean;
  readonly normalize: boolean;
  readonly resolvePaths: boolean;
  readonly consistency: boolean;
  readonly resolveEnvironment: boolean;
  /** Drop services that are neither named nor needed by one that is. */
  readonly select: boolean;
  /** Also networks, volumes, secrets and configs that no service uses. */
  readonly allResources: boolean;
}

/**
 * What a command that runs services needs: also the services that are not named, since they may be running. What is
 * wrong with those is no error.
 */
export const RUN_MODEL: ModelOptions = {
  select: false,
  interpolate: true,
  normalize: true,
  resolvePaths: true,
  consistency: true,
  resolveEnvironment: true,
  allResources: false,
};
