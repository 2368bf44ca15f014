import { readFile } from 'node:fs/promises';

import type { LogQuery } from '../logs/query.ts';
import { readStore } from '../logs/read-store.ts';
import type { LogRecord } from '../logs/record.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Project } from '../model/project.ts';
import { projectDirs } from './project-dirs.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The stored log of a project that no supervisor serves: the same files, read by the client itself. */
export function readStoredLogs(
  name: ProjectName,
  env: Env,
  query: LogQuery,
  signal: AbortSignal,
): AsyncIterable<readonly LogRecord[]> {
  return readStore(projectDirs(name, env).logs, { ...query, follow: false }, undefined, signal);
}

/** The services of a project when it was applied last; none when it is not known here. */
export async function readStoredServices(name: ProjectName, env: Env): Promise<readonly string[]> {
  try {
    const project = JSON.parse(await readFile(projectDirs(name, env).project, 'utf8')) as Project;
    return Object.keys(project.services);
  } catch {
    // ENOENT: never applied, or removed with `down`. SyntaxError: a broken disk; the next `up` sets the file aside.
    return [];
  }
}
