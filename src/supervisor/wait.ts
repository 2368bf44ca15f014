import { WcError } from '../model/diagnostic.ts';
import { parseInstanceId } from '../model/ids.ts';
import { exitCode } from '../model/state.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import { requireNames } from './instance-actions.ts';
import type { InstanceExit, Instances } from './instances.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';

export interface Ended {
  readonly name: string;
  readonly code: number;
}

/** The first instance of the services that has ended, or ends, for good. */
export async function awaitExit(
  parts: { readonly supervisor: ProjectSupervisor; readonly instances: Instances },
  services: readonly string[],
  signal: AbortSignal,
): Promise<Ended> {
  // Subscribed before the look: nothing can end between the two.
  const queue = new AsyncQueue<InstanceExit>(signal);
  using _exits = parts.instances.exits.subscribe((exit) => queue.push(exit));
  const { instances: all } = await parts.supervisor.list(signal);
  requireNames(services, all);
  const chosen = all.filter((instance) => services.includes(instance.service));
  for (const { name, state } of chosen) if (state.at === 'exited') return { name, code: exitCode(state.exit) };
  for await (const { id, name, exit, restarting } of queue) {
    if (!restarting && services.includes(parseInstanceId(id).service)) return { name, code: exitCode(exit) };
  }
  throw new WcError('ERR_SUPERVISOR_LOST', 'the supervisor was told to end before anything else did');
}
