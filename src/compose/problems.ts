import { WcError, WcErrors } from '../model/diagnostic.ts';
import type { ErrorCode, Warning } from '../model/diagnostic.ts';
import { sourceRef } from './source-file.ts';
import type { Path, Position } from './source-file.ts';

/** Collects what is wrong with the files of one run, so that one run shows all of it. */
export class Problems {
  readonly warnings: Warning[] = [];
  readonly #errors: WcError[] = [];
  readonly #seen = new Set<string>();

  error(at: Position, path: Path, message: string, hint?: string, code: ErrorCode = 'ERR_COMPOSE_INVALID'): void {
    const error = errorAt(at, path, message, hint, code);
    const key = `${error.source?.file}:${error.source?.line}:${error.source?.column} ${message}`;
    // An anchor's value stands at one place and in many services: one message is enough.
    if (this.#seen.has(key) || this.#errors.length >= MAX_ERRORS) return;
    this.#seen.add(key);
    this.#errors.push(error);
  }

  /** Each text once. */
  warn(message: string, at?: Position, path: Path = []): void {
    if (this.#seen.has(message)) return;
    this.#seen.add(message);
    if (at === undefined) this.warnings.push({ message });
    else this.warnings.push({ message, source: sourceRef(at, path), sourceLine: at.file.locate(at.offset).text });
  }

  get failed(): boolean {
    return this.count > 0;
  }

  get count(): number {
    return this.#errors.length;
  }

  /** Ends the run where something was wrong so far. */
  throwErrors(): void {
    const [first, ...others] = this.#errors;
    if (first === undefined) return;
    if (others.length === 0) throw first;
    throw new WcErrors(this.#errors.toSorted(byPlace));
  }
}

/** More than this do not help anybody. */
const MAX_ERRORS = 20;

/** One error that ends the stage at once, because nothing after it could be understood. */
export function errorAt(
  at: Position,
  path: Path,
  message: string,
  hint?: string,
  code: ErrorCode = 'ERR_COMPOSE_INVALID',
): WcError {
  return new WcError(code, message, {
    hint,
    source: sourceRef(at, path),
    sourceLine: at.file.locate(at.offset).text,
  });
}

function byPlace(a: WcError, b: WcError): number {
  const [left, right] = [a.source, b.source];
  if (left === undefined || right === undefined || left.file !== right.file) return 0;
  return left.line - right.line || left.column - right.column;
}
