import type { ListedContainer } from '../container-actions.ts';
import { listContainers } from './containers.ts';
import type { Engine } from './engine.ts';
import { isInstance, LABEL } from './labels.ts';

/** Every container of every project of this Engine, whoever brought it up. */
export async function listProjectContainers(engine: Engine, signal: AbortSignal): Promise<readonly ListedContainer[]> {
  const found = await listContainers(engine, { label: [LABEL.project] }, signal);
  return found
    .filter(({ Labels }) => isInstance(Labels))
    .map(({ Labels, State }) => ({
      project: Labels[LABEL.project] ?? '',
      state: State,
      files: (Labels[LABEL.configFiles] ?? '').split(',').filter((file) => file !== ''),
    }));
}
