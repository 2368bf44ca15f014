import { realpathSync } from 'node:fs';
import { basename } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import { projectName } from '../model/ids.ts';
import type { ProjectName } from '../model/ids.ts';
import { findProject } from './find-files.ts';
import type { ProjectPlace } from './find-files.ts';
import { interpolate } from './interpolate.ts';
import type { LoadOptions } from './load-options.ts';
import { child, map, textOf } from './node.ts';
import type { Node } from './node.ts';
import { parseAll } from './parse-yaml.ts';
import { Problems } from './problems.ts';

export interface ProjectIdentity {
  readonly name: ProjectName;
  readonly directory: string;
  /** The compose files; empty where there is none and the name comes from elsewhere. */
  readonly files: readonly string[];
}

/** Name and place of the project, for commands that need no more; the files are read only where they name it. */
export async function resolveProjectIdentity(options: LoadOptions, signal: AbortSignal): Promise<ProjectIdentity> {
  const problems = new Problems();
  const place = await findProject(options, problems, signal);
  const { files, directory } = place;
  const said = saidName(options, place);
  if (said !== undefined) return { name: said, directory, files };
  if (files.length === 0) throw noFiles(options);
  const sources = await Promise.all(files.map(async (file) => await place.reader.composeFile(file, signal)));
  const documents = await parseAll(sources);
  return { name: await nameOf(options, place, documents, problems), directory, files };
}

/**
 * `--project-name`, COMPOSE_PROJECT_NAME, the last `name:` of the files, the name of the directory. The first two must
 * be right as they are, the others are made so.
 */
export async function nameOf(
  options: LoadOptions,
  place: ProjectPlace,
  documents: readonly Node[],
  problems: Problems,
  withVariables = true,
): Promise<ProjectName> {
  const said = saidName(options, place);
  if (said !== undefined) return said;
  const inFile = documents.map((document) => child(document, 'name')).findLast((name) => textOf(name));
  if (inFile !== undefined) {
    const { lookup } = place.environment;
    const filled = withVariables ? interpolate(map({ name: inFile }, inFile.at), [], lookup, problems) : undefined;
    const name = normalizeName(textOf(child(filled, 'name') ?? inFile) ?? '');
    if (name !== '') return projectName(name);
  }
  const name = normalizeName(basename(realPath(place.directory)));
  if (name !== '') return projectName(name);
  throw new WcError('ERR_COMPOSE_INVALID', 'project name must not be empty', {
    hint: 'give the file a `name:` or use --project-name',
  });
}

export function noFiles(options: LoadOptions): WcError {
  return new WcError('ERR_COMPOSE_NOT_FOUND', `no compose file in ${options.cwd} or above it`, {
    hint: 'make a compose.yaml, or name one with -f',
  });
}

function saidName(options: LoadOptions, place: ProjectPlace): ProjectName | undefined {
  const said = options.projectName || place.environment.get('COMPOSE_PROJECT_NAME');
  if (said === undefined || said === '') return undefined;
  if (normalizeName(said) === said) return projectName(said);
  throw new WcError('ERR_COMPOSE_INVALID', `invalid project name "${said}"`, {
    hint: 'it consists of lowercase letters, digits, dashes and underscores and begins with a letter or digit',
  });
}

function normalizeName(text: string): string {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}

/** A directory reached through a symbolic link is still the same project. */
function realPath(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    // ENOENT: --project-directory may name what is not there yet.
    return directory;
  }
}
