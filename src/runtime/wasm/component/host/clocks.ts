import { type ComponentGuest, type HostInterface } from './interface.ts';
import { timer } from './pollable.ts';

const RESOLUTION_NS = 1n;
const SECOND_NS = 1_000_000_000n;
/** Beyond this a timer never ends, and a float does not know it any more. */
const FOREVER_NS = 1n << 62n;

export interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export function toDatetime(nanoseconds: bigint): Datetime {
  return { seconds: nanoseconds / SECOND_NS, nanoseconds: Number(nanoseconds % SECOND_NS) };
}

export function fromDatetime({ seconds, nanoseconds }: Datetime): bigint {
  return seconds * SECOND_NS + BigInt(nanoseconds);
}

/** `wasi:clocks`. */
export const CLOCKS: Readonly<Record<string, HostInterface>> = {
  'wasi:clocks/monotonic-clock': {
    functions: {
      now: (guest: ComponentGuest) => guest.clock.monotonicNs(),
      resolution: () => RESOLUTION_NS,
      'subscribe-instant': (guest: ComponentGuest, when: bigint) => after(when - guest.clock.monotonicNs()),
      'subscribe-duration': (_guest: ComponentGuest, duration: bigint) => after(duration),
    },
  },
  'wasi:clocks/wall-clock': {
    functions: {
      now: (guest: ComponentGuest) => toDatetime(guest.clock.realtimeNs()),
      resolution: () => toDatetime(RESOLUTION_NS),
    },
  },
};

function after(duration: bigint): ReturnType<typeof timer> {
  if (duration >= FOREVER_NS) return timer(Infinity);
  return timer(performance.now() + Math.max(0, Number(duration) / 1e6));
}
