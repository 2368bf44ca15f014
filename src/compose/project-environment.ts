import { join, resolve } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import { DotenvError, parseDotenv, parseRawEnv } from './dotenv.ts';
import type { LoadOptions } from './load-options.ts';
import { errorAt } from './problems.ts';
import { isFile } from './read-text.ts';
import type { FileReader } from './read-text.ts';
import type { SourceFile } from './source-file.ts';
import type { Lookup } from './template.ts';

/** The variables that a compose file sees; the caller's own come first. */
export class Environment {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  readonly lookup = (name: string): string | undefined => this.#values.get(name);

  /** With more variables; those that are there stay. */
  extendedBy(more: Iterable<readonly [string, string]>): Environment {
    return new Environment(new Map([...more, ...this.#values]));
  }

  with(name: string, value: string): Environment {
    return new Environment(new Map([...this.#values, [name, value]]));
  }

  entries(): readonly (readonly [string, string])[] {
    return [...this.#values];
  }

  static of(env: Readonly<Record<string, string | undefined>>): Environment {
    return new Environment(
      new Map(Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
    );
  }
}

/**
 * The files that fill the environment: those of --env-file or COMPOSE_ENV_FILES, else the `.env` of the directory.
 * COMPOSE_DISABLE_ENV_FILE leaves the `.env` out.
 */
export async function envFilesFor(options: LoadOptions, directory: string): Promise<readonly string[]> {
  const named = options.envFiles.length > 0 ? options.envFiles : splitList(options.env['COMPOSE_ENV_FILES'], ',');
  if (named.length > 0) return named.map((file) => resolve(options.cwd, file));
  const disabled = options.env['COMPOSE_DISABLE_ENV_FILE'] ?? '';
  if (/^(?:1|t|true)$/i.test(disabled)) return [];
  const file = join(directory, '.env');
  return isFile(file) ? [file] : [];
}

/** The variables of env files, later files winning; `environment` is what their values may refer to. */
export async function readEnvFiles(
  files: readonly string[],
  environment: Environment,
  reader: FileReader,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const path of files) {
    const file = await reader.textFile(path, signal);
    if (file === undefined) throw new WcError('ERR_COMPOSE_INVALID', `couldn't find env file: ${path}`);
    const values = readDotenv(file, environment.lookup, found);
    for (const [key, value] of values) found.set(key, value);
  }
  return found;
}

/** As `parseDotenv`, or `parseRawEnv` for the format `raw`; what is wrong is told with file and line. */
export function readDotenv(
  file: SourceFile,
  lookup: Lookup,
  earlier?: ReadonlyMap<string, string>,
  format: 'dotenv' | 'raw' = 'dotenv',
): ReadonlyMap<string, string> {
  try {
    return format === 'raw' ? parseRawEnv(file.text, lookup) : parseDotenv(file.text, lookup, earlier);
  } catch (error) {
    if (!(error instanceof DotenvError)) throw error;
    const offset = error.line === undefined ? 0 : offsetOf(file.text, error.line);
    throw errorAt({ file, offset }, [], `failed to read ${file.path}: ${error.message}`);
  }
}

export function splitList(text: string | undefined, separator: string): readonly string[] {
  return (text ?? '')
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function offsetOf(text: string, line: number): number {
  let offset = 0;
  for (let at = 1; at < line; at++) {
    const next = text.indexOf('\n', offset);
    if (next < 0) break;
    offset = next + 1;
  }
  return offset;
}
