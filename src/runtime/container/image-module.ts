import path from 'node:path/posix';

import { extract } from 'tar-stream';

import { WcError } from '../../model/diagnostic.ts';
import { removeContainer } from './containers.ts';
import type { ImageInspect } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { EngineError, explained } from './errors.ts';
import { inspectImage } from './images.ts';
import { LABEL } from './labels.ts';

export interface ImageModule {
  /** In the image. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The file that an image of the Engine runs. Nothing is pulled, and nothing of the image runs: the file is taken out of
 * a container that is made, never started, and removed. ERR_IMAGE_NOT_FOUND; ERR_MODULE_NOT_FOUND: it has none.
 */
export async function readImageModule(engine: Engine, reference: string, signal: AbortSignal): Promise<ImageModule> {
  const image = await inspectImage(engine, reference, signal);
  if (image === undefined) {
    throw new WcError('ERR_IMAGE_NOT_FOUND', `no file, no service and no image of the Engine is called ${reference}`, {
      hint: `write ./${reference} for a file; this version asks no registry for images of modules: docker pull ${reference}`,
    });
  }
  const program = programOf(image);
  if (program === undefined) {
    throw new WcError('ERR_MODULE_NOT_FOUND', `image ${reference} names no program`, {
      hint: 'an image of a module has the file as its ENTRYPOINT or CMD',
    });
  }
  // By its id: the name may stand for another image by now.
  const id = await createUnstarted(engine, image.Id, program, signal);
  try {
    return { path: program, bytes: await readFile(engine, { id, reference, program }, signal) };
  } finally {
    await removeContainer(engine, id, AbortSignal.timeout(CLEANUP_MS));
  }
}

function programOf({ Config: config }: ImageInspect): string | undefined {
  const program = (config?.Entrypoint ?? [])[0] ?? (config?.Cmd ?? [])[0];
  if (program === undefined || program === '') return undefined;
  return path.resolve('/', config?.WorkingDir ?? '', program);
}

async function createUnstarted(engine: Engine, image: string, program: string, signal: AbortSignal): Promise<string> {
  return await explained({ doing: 'create a container to look into the image' }, async () => {
    const body = { Image: image, Entrypoint: [program], Labels: { [LABEL.kind]: 'helper' }, NetworkDisabled: true };
    return (await engine.request<{ readonly Id: string }>('POST', '/containers/create', { body }, signal)).Id;
  });
}

async function readFile(
  engine: Engine,
  from: { readonly id: string; readonly reference: string; readonly program: string },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { id, reference, program } = from;
  const notThere = (cause: unknown): WcError =>
    new WcError('ERR_MODULE_NOT_FOUND', `image ${reference} has no file ${program}`, {
      hint: 'its ENTRYPOINT or CMD has to be the path of the module',
      cause,
    });
  try {
    const query = { path: program };
    const archive = await engine.stream('GET', `/containers/${id}/archive`, { query }, signal);
    const entries = archive.pipe(extract());
    archive.once('error', (error) => entries.destroy(error));
    for await (const entry of entries) {
      if (entry.header.type !== 'file') throw notThere(entry.header.type);
      if ((entry.header.size ?? 0) > SIZE_LIMIT) {
        throw new WcError('ERR_MODULE_INVALID', `${program} of image ${reference} is larger than 1 GiB`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
    throw notThere(undefined);
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) throw notThere(error);
    throw error;
  }
}

const SIZE_LIMIT = 1024 ** 3;
const CLEANUP_MS = 15_000;
