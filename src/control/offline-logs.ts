import type { LogQuery } from '../logs/query.ts';
import { readStore } from '../logs/read-store.ts';
import type { LogRecord } from '../logs/record.ts';
import type { ProjectName } from '../model/ids.ts';
import { projectDirs } from './project-dirs.ts';

/** The stored log of a project that no supervisor serves: the same files, read by the client itself. */
export function readStoredLogs(
  name: ProjectName,
  env: Readonly<Record<string, string | undefined>>,
  query: LogQuery,
  signal: AbortSignal,
): AsyncIterable<readonly LogRecord[]> {
  return readStore(projectDirs(name, env).logs, { ...query, follow: false }, undefined, signal);
}
