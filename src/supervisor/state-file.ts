import { readFile, rename, rm } from 'node:fs/promises';

import type { Project } from '../model/project.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';

/** The project that was applied last: what `down`, `ps` and a supervisor after a crash know without the compose file. */
export async function readProjectFile(path: string): Promise<Project | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const project = JSON.parse(text) as Project;
    if (project.version === 1) return project;
  } catch {
    // Not JSON: a file of another program or of a broken disk; set aside below like one of another version.
  }
  await rename(path, `${path}.unreadable`);
  return undefined;
}

export async function writeProjectFile(path: string, project: Project): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(project)}\n`);
}

export async function removeProjectFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
