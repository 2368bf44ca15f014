import { Errno } from './errno.ts';
import type { Guest } from './guest.ts';

/** Unwinds a guest that called `proc_exit`. */
export class ProcessExit extends Error {
  /** 0 to 255, as a parent process would see it. */
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.name = 'ProcessExit';
    this.code = code & 0xff;
  }
}

/**
 * `proc_exit(rval: exitcode)`: ends the guest. Does not return.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#proc_exit
 */
export function procExit(_guest: Guest, code: number): never {
  throw new ProcessExit(code);
}

/** NONE, CHLD, CONT, URG, WINCH, which do nothing; STOP, TSTP, TTIN, TTOU, from which nobody could wake the guest. */
const IGNORED_SIGNALS: ReadonlySet<number> = new Set([0, 16, 17, 18, 19, 20, 21, 22, 27]);
const LAST_SIGNAL = 30;

/**
 * `proc_raise(sig: signal) -> errno`: raises a signal in the guest. There are no handlers, so this is the default
 * action: nothing, or the end with 128 + the signal.
 *
 * INVAL: no such signal.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#proc_raise
 */
export function procRaise(_guest: Guest, signal: number): number {
  if (signal > LAST_SIGNAL) return Errno.INVAL;
  if (IGNORED_SIGNALS.has(signal)) return Errno.SUCCESS;
  throw new ProcessExit(128 + signal);
}

/**
 * `sched_yield() -> errno`: lets the event loop turn once: others of the same worker, and the guest's own sockets.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sched_yield
 */
export function schedYield(guest: Guest): Promise<number> {
  return guest.waiters.turn(Errno.SUCCESS);
}
