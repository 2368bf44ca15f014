import type { ModelOptions } from './load-options.ts';
import type { Environment } from './project-environment.ts';
import type { Problems } from './problems.ts';
import type { FileReader } from './read-text.ts';

/** What reading a set of files depends on; an included set has its own directory and environment. */
export interface ReadContext {
  readonly problems: Problems;
  readonly reader: FileReader;
  readonly model: ModelOptions;
  readonly environment: Environment;
  /** Where relative paths begin. */
  readonly directory: string;
  /** Paths of the files that include these, outermost first. */
  readonly included: readonly string[];
  readonly signal: AbortSignal;
}
