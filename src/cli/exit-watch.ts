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

/** ERR_NO_SUCH_SERVICE when the status is to be that of a service that is not there. */
export function checkExitFrom({ exitCodeFrom }: ExitOptions, services: readonly string[]): void {
  if (exitCodeFrom !== undefined && !services.includes(exitCodeFrom)) {
    throw new WcError('ERR_NO_SUCH_SERVICE', `--exit-code-from: no such service: ${exitCodeFrom}`, {
      hint: `the project has: ${services.toSorted().join(', ') || 'no services'}`,
    });
  }
}
