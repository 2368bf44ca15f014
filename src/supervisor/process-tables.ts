import type { InstanceProcesses } from '../control/protocol.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { EngineAccess } from './engine-access.ts';

/** A Wasm instance is a thread of this process. */
export async function processTables(
  engine: EngineAccess,
  instances: readonly ObservedInstance[],
  signal: AbortSignal,
): Promise<readonly InstanceProcesses[]> {
  const running = instances.filter(({ state }) => state.at === 'running');
  return await Promise.all(
    running.map(async ({ name, kind, handle, image }) => {
      if (kind === 'wasm') {
        return { name, titles: ['PID', 'CMD'], processes: [[String(process.pid), `${image} (a thread of wcompose)`]] };
      }
      const { actions } = await engine.get(signal);
      return { name, ...(await actions.top(handle, signal)) };
    }),
  );
}
