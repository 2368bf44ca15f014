import { chmod, mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ProjectName } from '../model/ids.ts';
import type { VolumeSpec } from '../model/project.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';

/**
 * Host directories of named volumes that a Wasm service uses: one directory, two doors.
 *
 *     <volumes>/              0700, this user's
 *       guestbook_visits/     named as the Engine names the volume
 *         volume.json         whose it is
 *         _data/              the files; open for every container user, its parent keeps other host users out
 */
export interface VolumeDir {
  readonly key: string;
  readonly name: string;
  readonly project: string;
  readonly data: string;
}

export class VolumeDirs {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /** The directory that holds a volume's files; nothing is made. */
  dataPath(name: string): string {
    return join(this.#base, name, '_data');
  }

  /** Makes the directory when it is missing; what is in it stays as it is. */
  async ensure(project: ProjectName, volume: VolumeSpec): Promise<VolumeDir> {
    await mkdir(this.#base, { recursive: true, mode: 0o700 });
    const data = this.dataPath(volume.name);
    const known = await this.find(volume.name);
    if (known !== undefined) return known;
    await mkdir(data, { recursive: true, mode: 0o700 });
    // Containers run as users of their own (redis, nginx, …); the umask must not keep them out.
    await chmod(data, 0o777);
    const meta: VolumeMeta = { version: 1, key: volume.key, name: volume.name, project };
    await writeFileAtomic(join(this.#base, volume.name, META), `${JSON.stringify(meta)}\n`);
    return { ...meta, data };
  }

  async find(name: string): Promise<VolumeDir | undefined> {
    try {
      const meta = JSON.parse(await readFile(join(this.#base, name, META), 'utf8')) as VolumeMeta;
      return { ...meta, data: this.dataPath(name) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The directories of one project. */
  async list(project: ProjectName): Promise<readonly VolumeDir[]> {
    let names: string[];
    try {
      names = await readdir(this.#base);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const all = await Promise.all(names.map(async (name) => await this.find(name)));
    return all.filter((volume) => volume?.project === project).filter((volume) => volume !== undefined);
  }

  /**
   * Removes the directory and its files. Files that container users made below directories of their own cannot be
   * removed by this user: `clearAsRoot` is asked to empty the directory first then.
   */
  async remove(name: string, clearAsRoot: (data: string) => Promise<void>): Promise<void> {
    const data = this.dataPath(name);
    try {
      await rm(data, { recursive: true, force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      await clearAsRoot(data);
      await rm(data, { recursive: true, force: true });
    }
    await rm(join(this.#base, name, META), { force: true });
    await removeEmpty(join(this.#base, name));
  }
}

interface VolumeMeta {
  readonly version: 1;
  readonly key: string;
  readonly name: string;
  readonly project: string;
}

async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const META = 'volume.json';
