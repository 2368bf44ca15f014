import { type Descriptor, Filetype } from '../descriptor.ts';
import { DIRECTORY_RIGHTS, INHERITING_RIGHTS } from '../rights.ts';
import type { Directory, DirectoryEntry } from './directory.ts';

/** A directory as a guest has it open. */
export class OpenDirectory implements Descriptor {
  readonly filetype = Filetype.DIRECTORY;
  readonly preopenPath: string | undefined;
  fdflags = 0;
  rights = DIRECTORY_RIGHTS;
  inheriting: bigint;
  #entries: readonly DirectoryEntry[] = [];
  #directory: Directory | (() => Directory);

  /** With a `preopenPath` the directory stays its owner's and is not closed with the descriptor. */
  constructor(directory: Directory | (() => Directory), preopenPath?: string, inheriting = INHERITING_RIGHTS) {
    this.#directory = directory;
    this.preopenPath = preopenPath;
    this.inheriting = inheriting;
  }

  get directory(): Directory {
    if (typeof this.#directory === 'function') this.#directory = this.#directory();
    return this.#directory;
  }

  /**
   * The entries, `.` and `..` first, from the one with this cookie (its index). Cookie 0 lists anew; others go on in
   * what the last cookie 0 saw, so an entry is neither lost nor told twice because others come and go.
   */
  entries(cookie: number): readonly DirectoryEntry[] {
    if (cookie === 0 || this.#entries.length === 0) this.#entries = [...DOTS, ...this.directory.list()];
    return this.#entries;
  }

  close(): void {
    if (this.preopenPath === undefined) this.directory.close();
  }

  /** Ends a preopened directory, when the guest has ended. */
  release(): void {
    if (typeof this.#directory !== 'function') this.#directory.close();
  }
}

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', filetype: Filetype.DIRECTORY },
  { name: '..', filetype: Filetype.DIRECTORY },
];
