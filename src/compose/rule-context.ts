import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import type { ExpandContext } from './rules.ts';
import { pathText } from './source-file.ts';
import type { Path } from './source-file.ts';

export interface WalkOptions {
  readonly problems: Problems;
  /** Variables are not filled in: a text that holds one is left as it is. */
  readonly raw: boolean;
}

/** Where a walk over the file has come to, and what rules' own functions may say there. */
export class RuleContext implements ExpandContext {
  /** One array for the whole walk, which pushes and pops: a path for every value would cost more than the walk. */
  readonly path: (string | number)[];
  readonly raw: boolean;
  readonly problems: Problems;

  constructor(path: Path, { problems, raw }: WalkOptions) {
    this.path = [...path];
    this.raw = raw;
    this.problems = problems;
  }

  error(at: Node, message: string, hint?: string): void {
    this.problems.error(at.at, this.path, `${pathText(this.path)}: ${message}`, hint);
  }

  warn(at: Node, message: string): void {
    this.problems.warn(`${pathText(this.path)}: ${message}`, at.at, this.path);
  }
}
