import { clockResGet, clockTimeGet, systemClock } from '../wasi/clock.ts';
import { Errno, WasiError } from '../wasi/errno.ts';
import type { Guest } from '../wasi/guest.ts';
import { GuestMemory } from '../wasi/guest-memory.ts';
import { ENTRIES } from '../wasi/entries.ts';
import { randomGet } from '../wasi/random.ts';
import { noteDeepStacks, trapStatus } from '../wasi/trap.ts';
import { type Argument, ARGUMENTS_LIMIT, CallBlock } from './call-block.ts';
import { type FromThread, type RunThread, THREAD_ENTRY } from './messages.ts';

/** What a thread can say of itself. */
type LocalGuest = Pick<Guest, 'memory' | 'clock'>;
type LocalFunction = (guest: Guest, ...args: never[]) => number;
type Import = (...args: Argument[]) => number;

/** What needs no descriptor is done here: the way to the owner costs more than all of it. */
const LOCAL: Readonly<Record<string, LocalFunction>> = {
  clock_res_get: clockResGet,
  clock_time_get: clockTimeGet,
  random_get: randomGet,
  // Other threads need not wait until this one lets them.
  sched_yield: () => Errno.SUCCESS,
};

/**
 * Runs one thread of a guest to its end, and says how it ended. Blocks this thread meanwhile; only ending the thread
 * ends a guest that computes or waits for another one.
 */
export function runThread(run: RunThread, say: (message: FromThread) => void): void {
  noteDeepStacks();
  const { module, spawned } = run;
  try {
    const { exports } = new WebAssembly.Instance(module, importsOf(run, say));
    if (spawned === undefined) for (const name of ENTRIES) callEntry(exports[name]);
    else callEntry(exports[THREAD_ENTRY], spawned.id, spawned.argument);
    say({ type: 'ended', trap: undefined });
  } catch (error) {
    const trap = trapStatus(error);
    if (trap !== undefined) say({ type: 'ended', trap });
    else say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

function callEntry(entry: unknown, ...args: readonly number[]): void {
  if (typeof entry === 'function') (entry as (...all: readonly number[]) => unknown)(...args);
}

function importsOf({ module, memory, block }: RunThread, say: (message: FromThread) => void): WebAssembly.Imports {
  const calls = new CallBlock(block);
  const ring = (): void => say({ type: 'call' });
  const guest: LocalGuest = { memory: new GuestMemory(), clock: systemClock() };
  guest.memory.bind(memory);
  const imports: WebAssembly.Imports = {};
  for (const [which, wanted] of WebAssembly.Module.imports(module).entries()) {
    const local = Object.hasOwn(LOCAL, wanted.name) ? LOCAL[wanted.name] : undefined;
    const remote: Import = (...args) => (args.length > ARGUMENTS_LIMIT ? Errno.NOSYS : calls.call(which, args, ring));
    const value = wanted.kind === 'memory' ? memory : local === undefined ? remote : guarded(local, guest);
    (imports[wanted.module] ??= {})[wanted.name] = value;
  }
  return imports;
}

/** The function as the guest calls it: unsigned numbers in, an errno out. */
function guarded(local: LocalFunction, guest: LocalGuest): Import {
  const call = local as (guest: LocalGuest, ...args: Argument[]) => number;
  return (...args) => {
    try {
      return call(guest, ...args.map((arg) => (typeof arg === 'number' ? arg >>> 0 : arg)));
    } catch (error) {
      if (error instanceof WasiError) return error.errno;
      if (error instanceof RangeError && !error.message.startsWith('Maximum call stack')) return Errno.FAULT;
      throw error;
    }
  };
}
