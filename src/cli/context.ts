import type { LoadedModel } from '../compose/load-model.ts';
import type { LoadedProject } from '../compose/load.ts';
import type { ModelOptions } from '../compose/load-options.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Output } from '../ui/output.ts';

/** The options before the command: which project. */
export interface GlobalOptions {
  readonly file?: readonly string[];
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly envFile?: readonly string[];
  readonly profile?: readonly string[];
  readonly allResources?: boolean;
  readonly ansi?: 'never' | 'always' | 'auto';
}

/** What every command gets. */
export interface CommandContext {
  readonly output: Output;
  readonly signal: AbortSignal;
  /** The compose file, read and checked; its warnings are printed. */
  loadProject(services: readonly string[]): Promise<LoadedProject>;
  /** The compose file as `config` shows it: not all of it need be something that can be run. */
  loadModel(services: readonly string[], stages: ModelOptions): Promise<LoadedModel>;
  /** `--all-resources`: also networks, volumes, secrets and configs that no service uses. */
  readonly allResources: boolean;
  /** Name of the project without reading more than is needed. */
  projectName(): Promise<ProjectName>;
}

/** The exit status of the process. */
export type ExitStatusCode = number;
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
/** Any command that the user interrupted, as docker compose: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;
