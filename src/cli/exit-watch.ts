import { WcError } from '../model/diagnostic.ts';

export interface ExitOptions {
  readonly abortOnContainerExit?: boolean;
  readonly abortOnContainerFailure?: boolean;
  readonly exitCodeFrom?: string;
}

/** What the end of an instance means for an `up` in the foreground, and for its exit status. */
export class ExitWatch {
  readonly #abortsOn: 'nothing' | 'failure' | 'exit';
  readonly #codeFrom: string | undefined;
  #code: number | undefined;

  constructor(options: ExitOptions) {
    const { abortOnContainerExit, abortOnContainerFailure, exitCodeFrom } = options;
    this.#codeFrom = exitCodeFrom;
    if (abortOnContainerFailure === true) this.#abortsOn = 'failure';
    else this.#abortsOn = abortOnContainerExit === true || exitCodeFrom !== undefined ? 'exit' : 'nothing';
  }

  get isActive(): boolean {
    return this.#abortsOn !== 'nothing';
  }

  /** The first that counts decides; undefined: 0. */
  get code(): number | undefined {
    return this.#code;
  }

  /** An instance has ended for good. True: everything else is to be stopped. */
  take(service: string, code: number): boolean {
    const counts = this.#codeFrom === undefined ? this.#abortsOn === 'failure' : this.#codeFrom === service;
    const aborts = this.#abortsOn === 'exit' || (this.#abortsOn === 'failure' && code !== 0);
    if (counts && aborts) this.#code ??= code;
    return aborts;
  }
}

/** Throws ERR_USAGE for flags that contradict each other. */
export function checkExitFlags(options: ExitOptions, attached: boolean, services: readonly string[]): void {
  const { abortOnContainerExit, abortOnContainerFailure, exitCodeFrom } = options;
  if (abortOnContainerExit === true && abortOnContainerFailure === true)
    throw new WcError('ERR_USAGE', '--abort-on-container-exit and --abort-on-container-failure are incompatible');
  if (exitCodeFrom !== undefined && abortOnContainerFailure === true)
    throw new WcError('ERR_USAGE', '--exit-code-from and --abort-on-container-failure are incompatible');
  if (!attached && new ExitWatch(options).isActive)
    throw new WcError(
      'ERR_USAGE',
      '--abort-on-container-exit and its like follow the project: not with --detach, --wait, --no-start or --dry-run',
    );
  if (exitCodeFrom !== undefined && !services.includes(exitCodeFrom)) {
    throw new WcError('ERR_NO_SUCH_SERVICE', `--exit-code-from: no such service: ${exitCodeFrom}`, {
      hint: `the project has: ${services.toSorted().join(', ') || 'no services'}`,
    });
  }
}
