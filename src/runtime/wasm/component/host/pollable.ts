import { AbiError } from '../abi/handles.ts';
import { type ComponentGuest, type HostInterface, resource } from './interface.ts';

/** Something that a guest can wait for. Whoever makes it true wakes the guest's waiters. */
export interface Pollable {
  isReady(): boolean;
  /** When it is ready at the latest: `performance.now()` milliseconds. */
  readonly deadline?: number;
}

/** `wasi:io/poll`: waiting, for one thing or several. */
export const POLL: HostInterface = {
  resources: { pollable: resource('pollable') },
  blocking: new Set(['poll', '[method]pollable.block']),
  functions: {
    poll: (guest: ComponentGuest, pollables: readonly Pollable[]): Uint32Array | Promise<Uint32Array> => {
      if (pollables.length === 0) throw new AbiError('it waits for nothing');
      const deadline = Math.min(...pollables.map((pollable) => pollable.deadline ?? Infinity));
      return guest.waiters.until(
        () => pollables.some((pollable) => pollable.isReady()),
        () => readyOnes(pollables),
        deadline,
      );
    },
    '[method]pollable.ready': (_guest: ComponentGuest, pollable: Pollable) => pollable.isReady(),
    '[method]pollable.block': (guest: ComponentGuest, pollable: Pollable) =>
      guest.waiters.until(
        () => pollable.isReady(),
        () => undefined,
        pollable.deadline ?? Infinity,
      ),
  },
};

function readyOnes(pollables: readonly Pollable[]): Uint32Array {
  const ready: number[] = [];
  for (const [i, pollable] of pollables.entries()) if (pollable.isReady()) ready.push(i);
  return Uint32Array.from(ready);
}

/** Ready at once. */
export const READY: Pollable = { isReady: () => true };

/** Ready when its time has come. */
export function timer(deadline: number): Pollable {
  return { isReady: () => performance.now() >= deadline, deadline };
}
