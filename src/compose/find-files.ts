import { delimiter, dirname, join, resolve } from 'node:path';

import type { LoadOptions } from './load-options.ts';
import { Environment, envFilesFor, readEnvFiles, splitList } from './project-environment.ts';
import type { Problems } from './problems.ts';
import { FileReader, isFile } from './read-text.ts';

/** Where a project lies and what its files may refer to. */
export interface ProjectPlace {
  /** Absolute paths, or `-`; empty where no file was found. */
  readonly files: readonly string[];
  /** Where relative paths begin. */
  readonly directory: string;
  readonly environment: Environment;
  readonly reader: FileReader;
}

/** Finds files, directory and environment of the project; no compose file is read. */
export async function findProject(
  options: LoadOptions,
  problems: Problems,
  signal: AbortSignal,
): Promise<ProjectPlace> {
  const reader = new FileReader(options.cwd, options.stdin);
  const given = options.files.map((file) => absolute(file, options.cwd));
  const chosen = options.projectDirectory === undefined ? undefined : resolve(options.cwd, options.projectDirectory);
  const before = directoryOf(chosen, given, options.cwd);
  let environment = await withEnvFiles(Environment.of(options.env), before, options, reader, signal);
  let files: readonly string[] = given;
  if (files.length === 0) files = filesOfEnvironment(environment, options.cwd);
  if (files.length === 0) files = discover(before, problems);
  const directory = directoryOf(chosen, files, options.cwd);
  // COMPOSE_FILE may lead to another directory, which has an .env of its own.
  if (directory !== before) environment = await withEnvFiles(environment, directory, options, reader, signal);
  return { files, directory, environment, reader };
}

const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDE_NAMES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

async function withEnvFiles(
  environment: Environment,
  directory: string,
  options: LoadOptions,
  reader: FileReader,
  signal: AbortSignal,
): Promise<Environment> {
  const files = await envFilesFor(options, directory);
  return environment.extendedBy(await readEnvFiles(files, environment, reader, signal));
}

function filesOfEnvironment(environment: Environment, cwd: string): readonly string[] {
  const separator = environment.get('COMPOSE_PATH_SEPARATOR') || delimiter;
  return splitList(environment.get('COMPOSE_FILE'), separator).map((file) => absolute(file, cwd));
}

/** In the directory, then above it. */
function discover(from: string, problems: Problems): readonly string[] {
  for (let directory = from; ; directory = dirname(directory)) {
    const [file, ...others] = present(directory, NAMES);
    if (file !== undefined) {
      if (others.length > 0) {
        problems.warn(
          `Found multiple config files with supported names: ${[file, ...others].join(', ')}; using ${file}`,
        );
      }
      const [override] = present(directory, OVERRIDE_NAMES);
      return override === undefined ? [file] : [file, override];
    }
    if (directory === dirname(directory)) return [];
  }
}

function present(directory: string, names: readonly string[]): readonly string[] {
  return names.map((name) => join(directory, name)).filter(isFile);
}

function directoryOf(chosen: string | undefined, files: readonly string[], cwd: string): string {
  if (chosen !== undefined) return chosen;
  const first = files.find((file) => file !== '-');
  return first === undefined ? cwd : dirname(first);
}

function absolute(file: string, cwd: string): string {
  return file === '-' ? file : resolve(cwd, file);
}
