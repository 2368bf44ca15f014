import type { ProjectDirs } from '../control/project-dirs.ts';
import type { Listing } from '../control/protocol.ts';
import type { ProjectName } from '../model/ids.ts';
import { connectEngine } from './connect-engine.ts';
import { list } from './listing.ts';
import { mayUseEngine } from './needs-engine.ts';
import { readProjectFile } from './state-file.ts';
import { WasmRecord } from './wasm-record.ts';

/**
 * What there is of a project that no supervisor serves: its containers, and its Wasm instances as they ended.
 * Starts and writes nothing.
 */
export async function observeStored(name: ProjectName, dirs: ProjectDirs, signal: AbortSignal): Promise<Listing> {
  await using stack = new AsyncDisposableStack();
  const stored = await readProjectFile(dirs.project);
  const needed = mayUseEngine(stored === undefined ? [] : [stored]);
  return await list(
    {
      name,
      stored,
      engine: async () => (needed ? stack.use(await connectEngine(process.env, signal)) : undefined),
      lastSeen: [],
      wasm: await new WasmRecord(dirs.wasmRecord).readEnded(),
    },
    signal,
  );
}
