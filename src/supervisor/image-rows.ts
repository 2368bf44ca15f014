import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

import type { ImageRow } from '../control/protocol.ts';
import type { Project, Service } from '../model/project.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { EngineAccess } from './engine-access.ts';

/** What each instance was made of: an image of the Engine, or a module's file. */
export async function imageRows(
  engine: EngineAccess,
  { instances, project }: { readonly instances: readonly ObservedInstance[]; readonly project: Project | undefined },
  signal: AbortSignal,
): Promise<readonly ImageRow[]> {
  const rows = await Promise.all(
    instances.map(async (instance) =>
      instance.kind === 'wasm'
        ? await moduleRow(instance, project?.services[instance.service])
        : await imageRow(engine, instance, signal),
    ),
  );
  return rows.filter((row) => row !== undefined);
}

async function imageRow(
  engine: EngineAccess,
  instance: ObservedInstance,
  signal: AbortSignal,
): Promise<ImageRow | undefined> {
  const { actions } = await engine.get(signal);
  const image = await actions.image(instance.handle, signal);
  return image && { ...image, name: instance.name, kind: 'container' };
}

async function moduleRow({ name, image }: ObservedInstance, service: Service | undefined): Promise<ImageRow> {
  const file = service?.kind === 'wasm' && service.module.from === 'file' ? service.module.path : image;
  const from = service?.kind === 'wasm' ? service.imageName : undefined;
  const row = { name, kind: 'wasm', ...nameOf(from ?? image, from !== undefined), platform: 'wasi/wasm' } as const;
  try {
    const { size, mtimeMs } = await stat(file);
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return { ...row, id: `sha256:${digest}`, bytes: size, createdAt: mtimeMs };
  } catch {
    // ENOENT: the file was removed; the instance has its module in memory.
    return { ...row, id: '', bytes: 0, createdAt: undefined };
  }
}

/** A module's file has no tag; an image that names none has `latest`. */
function nameOf(name: string, isImage: boolean): { readonly repository: string; readonly tag: string } {
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  if (!isImage) return { repository: name, tag: '' };
  return tag === undefined ? { repository: name, tag: 'latest' } : { repository: name.slice(0, -tag.length - 1), tag };
}
