import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import { SourceFile } from './source-file.ts';

/** Reads files of the project and remembers by which name the user knows them. */
export class FileReader {
  readonly #cwd: string;
  readonly #stdin: () => Promise<string>;

  constructor(cwd: string, stdin: () => Promise<string>) {
    this.#cwd = cwd;
    this.#stdin = stdin;
  }

  /** The compose file; ERR_COMPOSE_NOT_FOUND where there is none. */
  async composeFile(path: string, signal: AbortSignal): Promise<SourceFile> {
    if (path === '-') return new SourceFile('-', '-', await this.#stdin());
    const text = this.#read(path, signal);
    if (text !== undefined) return new SourceFile(this.nameOf(path), path, text.replace(/^\uFEFF/, ''));
    throw new WcError('ERR_COMPOSE_NOT_FOUND', `${this.nameOf(path)}: there is no such file`);
  }

  /** An env or label file; undefined where there is none. */
  async textFile(path: string, signal: AbortSignal): Promise<SourceFile | undefined> {
    const text = this.#read(path, signal);
    return text === undefined ? undefined : new SourceFile(this.nameOf(path), path, text);
  }

  /** Short where the file lies below the working directory. */
  nameOf(path: string): string {
    const short = relative(this.#cwd, path);
    return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
  }

  /** At once: a command reads a few small files, and the threads that would read them aside take longer to start. */
  #read(path: string, signal: AbortSignal): string | undefined {
    signal.throwIfAborted();
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      const reason = code === 'EISDIR' ? 'it is a directory' : (error as Error).message;
      throw new WcError('ERR_COMPOSE_INVALID', `cannot read ${this.nameOf(path)}: ${reason}`, { cause: error });
    }
  }
}

export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch {
    // ENOTDIR, EACCES: there is nothing to read.
    return false;
  }
}
