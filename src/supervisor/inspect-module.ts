import { readFile } from 'node:fs/promises';

import { WcError } from '../model/diagnostic.ts';
import type { ModuleReport } from '../model/module-report.ts';
import { Engine } from '../runtime/container/engine.ts';
import { readImageModule } from '../runtime/container/image-module.ts';
import { moduleReport } from '../runtime/wasm/inspect/report.ts';

/** What a Wasm file is. Runs nothing of it; the Engine is asked for images only. */
export async function inspectModule(
  what: { readonly file: string } | { readonly image: string },
  signal: AbortSignal,
): Promise<ModuleReport> {
  if ('file' in what) return moduleReport(await read(what.file, signal), what.file);
  await using engine = await Engine.open(process.env, signal);
  const { path, bytes } = await readImageModule(engine, what.image, signal);
  return moduleReport(bytes, `${path} of image ${what.image}`);
}

async function read(file: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await readFile(file, { signal });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = REASONS[code ?? ''] ?? `cannot be read: ${(error as Error).message}`;
    throw new WcError('ERR_MODULE_NOT_FOUND', `${file} ${why}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a directory and no module',
  EACCES: 'may not be read: permission denied',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB: no module is',
};
