import type { ProjectDirs } from '../control/project-dirs.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ObservedInstance } from '../model/state.ts';
import { connectEngine } from './connect-engine.ts';
import type { EngineSide } from './engine-access.ts';
import { mayUseEngine } from './needs-engine.ts';
import { byService } from './observe.ts';
import { readProjectFile } from './state-file.ts';
import { WasmRecord } from './wasm-record.ts';

/**
 * What there is of a project that no supervisor serves: its containers, and its Wasm instances as they ended.
 * Starts and writes nothing.
 */
export async function observeStored(
  name: ProjectName,
  dirs: ProjectDirs,
  signal: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const stored = await readProjectFile(dirs.project);
  const known = stored === undefined ? [] : [stored];
  const ended = await new WasmRecord(dirs.wasmRecord).readEnded();
  await using engine = mayUseEngine(known) ? await connect(known.length > 0, signal) : undefined;
  const containers = (await engine?.runtime.observe(name, signal)) ?? [];
  return [...containers, ...ended].toSorted(byService);
}

/** Of a project that is not known here an Engine that does not answer knows nothing either. */
async function connect(required: boolean, signal: AbortSignal): Promise<EngineSide | undefined> {
  try {
    return await connectEngine(signal);
  } catch (error) {
    if (!required && error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return undefined;
    throw error;
  }
}
