import { Errno, failure } from './errno.ts';
import type { Guest } from './guest.ts';

/** Where a guest's time comes from; nanoseconds. */
export interface Clock {
  /** Since the epoch. Follows the host's clock when that is set. */
  realtimeNs(): bigint;
  /** Since an arbitrary moment; never goes back. */
  monotonicNs(): bigint;
  /** CPU time of the thread that runs the guest. */
  cpuNs(): bigint;
}

/** `__wasi_clockid_t` */
export const ClockId = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3 } as const;

const SET_BACK_MS = 50;

/** The clocks of the host. */
export function systemClock(): Clock {
  // Date.now() knows the time to a millisecond, performance.now() the time within it. Their difference is constant
  // until somebody sets the clock.
  let origin = performance.timeOrigin;
  let last = 0;
  return {
    realtimeNs() {
      // Twice: this thread may lose the processor between two readings, which is no reason to set our clock.
      const before = Date.now();
      let time = origin + performance.now();
      const after = Date.now();
      if (time < before - 1 || time > after + 2) {
        origin += after - time;
        time = after;
      }
      // A clock that is slowed down stands still for a moment; only one that is set back goes back.
      if (time < last && last - time < SET_BACK_MS) time = last;
      last = time;
      const millis = Math.floor(time);
      return BigInt(millis) * 1_000_000n + BigInt(Math.floor((time - millis) * 1e6));
    },
    monotonicNs: () => process.hrtime.bigint(),
    cpuNs() {
      const usage = process.threadCpuUsage();
      return BigInt(usage.user + usage.system) * 1000n;
    },
  };
}

const RESOLUTION_NS: readonly bigint[] = [1000n, 1n, 1000n, 1000n];

/**
 * `clock_res_get(id: clockid, resolution: *timestamp) -> errno`: the resolution of a clock in nanoseconds.
 *
 *     resolution -> | u64 |
 *
 * INVAL: no such clock. FAULT: `resolution` is not in memory.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#clock_res_get
 */
export function clockResGet(guest: Guest, id: number, resolution: number): number {
  const nanoseconds = RESOLUTION_NS[id];
  if (nanoseconds === undefined) return Errno.INVAL;
  guest.memory.view.setBigUint64(resolution, nanoseconds, true);
  return Errno.SUCCESS;
}

/**
 * `clock_time_get(id: clockid, precision: timestamp, time: *timestamp) -> errno`: the time of a clock in
 * nanoseconds. `precision` is the lag the guest tolerates; we are always as exact as we can.
 *
 *     time -> | u64 |
 *
 * INVAL: no such clock. FAULT: `time` is not in memory.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#clock_time_get
 */
export function clockTimeGet(guest: Guest, id: number, _precision: bigint, time: number): number {
  guest.memory.view.setBigUint64(time, clockNs(guest.clock, id), true);
  return Errno.SUCCESS;
}

/** The time of the clock `id`; INVAL when there is none. */
export function clockNs(clock: Clock, id: number): bigint {
  switch (id) {
    case ClockId.REALTIME:
      return clock.realtimeNs();
    case ClockId.MONOTONIC:
      return clock.monotonicNs();
    case ClockId.PROCESS_CPUTIME:
    case ClockId.THREAD_CPUTIME:
      return clock.cpuNs();
    default:
      throw failure(Errno.INVAL);
  }
}
