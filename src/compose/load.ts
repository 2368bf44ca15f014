import type { Warning } from '../model/diagnostic.ts';
import type { Project } from '../model/project.ts';
import type { ComposeModel } from './load-model.ts';
import { loadModel } from './load-model.ts';
import { RUN_MODEL } from './load-options.ts';
import type { LoadOptions } from './load-options.ts';
import { toProject } from './to-project.ts';

export interface LoadedProject {
  readonly project: Project;
  /** What `config` prints. */
  readonly model: ComposeModel;
  readonly warnings: readonly Warning[];
  /** The variables that the files see: the caller's, and those of the project's env files. */
  readonly variable: (name: string) => string | undefined;
}

/** The project for commands that run it. What compose allows and this version cannot do is ERR_COMPOSE_UNSUPPORTED. */
export async function loadProject(options: LoadOptions, signal: AbortSignal): Promise<LoadedProject> {
  const loaded = await loadModel(options, RUN_MODEL, signal);
  const { project, warnings } = toProject(loaded);
  return {
    project,
    model: loaded.model,
    warnings: [...loaded.warnings, ...warnings],
    variable: loaded.environment.lookup,
  };
}
