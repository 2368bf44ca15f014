import { ClockId, clockNs } from './clock.ts';
import type { Descriptor } from './descriptor.ts';
import { Errno } from './errno.ts';
import { OpenFile } from './fs/open-file.ts';
import { type Guest, mustHold } from './guest.ts';

/**
 *     subscription (48) -> | u64: userdata | u8: tag | ... |
 *       tag 0, clock:         @16 u32: id | @24 u64: timeout | @32 u64: precision | @40 u16: 1 = absolute |
 *       tag 1 read, 2 write:  @16 u32: fd |
 *     event (32) -> | u64: userdata | u16: errno | u8: tag | @16 u64: bytes | @24 u16: 1 = hangup |
 */
export interface SubscriptionLayout {
  readonly size: number;
  readonly clockId: number;
  readonly timeout: number;
  readonly clockFlags: number;
}

const PREVIEW1_LAYOUT: SubscriptionLayout = { size: 48, clockId: 16, timeout: 24, clockFlags: 40 };
const TAG = 8;
const FD = 16;
const EVENT_SIZE = 32;
const Tag = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;
const ABSOLUTE = 1;
const HANGUP = 1;
/** More than a guest can have descriptors, each for reading and writing. */
const SUBSCRIPTION_LIMIT = 16_384;

/**
 * `poll_oneoff(in: *subscription, out: *event, nsubscriptions: size, nevents: *size) -> errno`: waits until at least
 * one of the subscriptions has something to tell, and tells of all that have.
 *
 *     in -> | subscription | ... |    out -> | event | ... |    nevents -> | u32 |
 *
 * A subscription that makes no sense has an event with its own errno: BADF (not open), INVAL (no such clock),
 * NOTSUP (no such kind).
 * INVAL: no subscriptions, or too many. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#poll_oneoff
 */
export function pollOneoff(
  guest: Guest,
  subscriptions: number,
  events: number,
  count: number,
  eventCount: number,
): number | Promise<number> {
  return pollWith(PREVIEW1_LAYOUT, guest, subscriptions, events, count, eventCount);
}

export function pollWith(
  layout: SubscriptionLayout,
  guest: Guest,
  subscriptions: number,
  events: number,
  count: number,
  eventCount: number,
): number | Promise<number> {
  if (count === 0 || count > SUBSCRIPTION_LIMIT) return Errno.INVAL;
  mustHold(guest, subscriptions, count * layout.size);
  mustHold(guest, events, count * EVENT_SIZE);
  mustHold(guest, eventCount, 4);
  const poll = Poll.of(guest);
  poll.read(layout, subscriptions, count);
  return guest.waiters.until(poll.isReady, () => poll.report(events, eventCount), poll.deadline);
}

/**
 * One call of poll_oneoff. The subscriptions are read once; a check then touches neither guest memory nor the heap. The
 * next call of the guest uses the same object: a server polls before each of its requests.
 */
class Poll {
  /** When the earliest clock fires, in `performance.now()` milliseconds. */
  deadline = Infinity;
  readonly #guest: Guest;
  #layout = PREVIEW1_LAYOUT;
  #subscriptions = 0;
  #count = 0;
  #isUsed = false;
  /** For each subscription its descriptor; undefined for clocks and for what has an errno. */
  readonly #descriptors: (Descriptor | undefined)[] = [];
  readonly #tags: number[] = [];
  /** For clocks when they fire. */
  readonly #deadlines: number[] = [];
  readonly #errors: number[] = [];
  #hasErrors = false;

  private constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** For one call: the guest's last one again, unless that still waits. */
  static of(guest: Guest): Poll {
    const last = LAST.get(guest);
    if (last !== undefined && !last.#isUsed) return last;
    const poll = new Poll(guest);
    LAST.set(guest, poll);
    return poll;
  }

  read(layout: SubscriptionLayout, subscriptions: number, count: number): void {
    this.#isUsed = true;
    this.#layout = layout;
    this.#subscriptions = subscriptions;
    this.#count = count;
    this.#hasErrors = false;
    this.deadline = Infinity;
    const { view } = this.#guest.memory;
    const now = performance.now();
    for (let i = 0; i < count; i++) {
      const at = subscriptions + i * layout.size;
      const tag = view.getUint8(at + TAG);
      this.#tags[i] = tag;
      if (tag === Tag.CLOCK) this.#addClock(i, view, at, now);
      else this.#addDescriptor(i, tag, view.getUint32(at + FD, true));
    }
  }

  readonly isReady = (): boolean => {
    if (this.#hasErrors) return true;
    for (let i = 0; i < this.#count; i++) {
      const descriptor = this.#descriptors[i];
      if (descriptor === undefined) continue;
      const readiness = descriptor.readiness?.();
      if (readiness === undefined) return true;
      if (this.#tags[i] === Tag.FD_READ ? readiness.readable >= 0 : readiness.writable >= 0 || readiness.hangup) {
        return true;
      }
    }
    return false;
  };

  /** Writes an event for each subscription that has one, in their order. */
  report(events: number, eventCount: number): number {
    const now = performance.now();
    let written = 0;
    for (let i = 0; i < this.#count; i++) {
      if (this.#reportOne(i, events + written * EVENT_SIZE, now)) written++;
    }
    this.#guest.memory.view.setUint32(eventCount, written, true);
    // Of a crowd of connections that are closed again nothing must live on in here.
    if (this.#descriptors.length > 2 * this.#count + 64) this.#descriptors.length = this.#count;
    this.#isUsed = false;
    return Errno.SUCCESS;
  }

  #reportOne(i: number, event: number, now: number): boolean {
    const error = this.#errors[i] ?? 0;
    if (error !== 0) return this.#write(i, event, error, 0, 0);
    const descriptor = this.#descriptors[i];
    if (descriptor === undefined) return (this.#deadlines[i] ?? Infinity) <= now && this.#write(i, event, 0, 0, 0);
    const readiness = descriptor.readiness?.();
    if (readiness === undefined) return this.#write(i, event, 0, bytesLeft(descriptor), 0);
    const isRead = this.#tags[i] === Tag.FD_READ;
    const bytes = isRead ? readiness.readable : readiness.writable;
    // A write to what is hung up does not wait: it fails.
    if (bytes < 0 && (isRead || !readiness.hangup)) return false;
    return this.#write(i, event, 0, Math.max(bytes, 0), readiness.hangup ? HANGUP : 0);
  }

  #write(i: number, event: number, error: number, bytes: number, flags: number): true {
    const { view } = this.#guest.memory;
    const subscription = this.#subscriptions + i * this.#layout.size;
    view.setUint32(event, view.getUint32(subscription, true), true);
    view.setUint32(event + 4, view.getUint32(subscription + 4, true), true);
    view.setUint32(event + 8, error | ((this.#tags[i] ?? 0) << 16), true);
    view.setUint32(event + 12, 0, true);
    view.setUint32(event + 16, bytes % 2 ** 32, true);
    view.setUint32(event + 20, Math.floor(bytes / 2 ** 32), true);
    view.setUint32(event + 24, flags, true);
    view.setUint32(event + 28, 0, true);
    return true;
  }

  #addClock(i: number, view: DataView, at: number, now: number): void {
    const id = view.getUint32(at + this.#layout.clockId, true);
    const timeout = at + this.#layout.timeout;
    const isAbsolute = (view.getUint16(at + this.#layout.clockFlags, true) & ABSOLUTE) !== 0;
    this.#descriptors[i] = undefined;
    if (id > ClockId.THREAD_CPUTIME) {
      this.#deadlines[i] = Infinity;
      this.#fail(i, Errno.INVAL);
      return;
    }
    const waitMs = isAbsolute
      ? Number(view.getBigUint64(timeout, true) - clockNs(this.#guest.clock, id)) / 1e6
      : (view.getUint32(timeout + 4, true) * 2 ** 32 + view.getUint32(timeout, true)) / 1e6;
    // What is left of an absolute time was measured after `now`: counted from there it would be over too early.
    const deadline = (isAbsolute ? performance.now() : now) + Math.max(waitMs, 0);
    this.#deadlines[i] = deadline;
    this.#errors[i] = 0;
    if (deadline < this.deadline) this.deadline = deadline;
  }

  #addDescriptor(i: number, tag: number, fd: number): void {
    const descriptor = this.#guest.table.get(fd);
    const isKnown = tag === Tag.FD_READ || tag === Tag.FD_WRITE;
    this.#descriptors[i] = isKnown ? descriptor : undefined;
    this.#deadlines[i] = Infinity;
    if (!isKnown) this.#fail(i, Errno.NOTSUP);
    else if (descriptor === undefined) this.#fail(i, Errno.BADF);
    else this.#errors[i] = 0;
  }

  #fail(i: number, errno: number): void {
    this.#errors[i] = errno;
    this.#hasErrors = true;
  }
}

/** The last call of each guest. */
const LAST = new WeakMap<Guest, Poll>();

/** Files are always ready; a guest that reads by this number should find the rest of the file. */
function bytesLeft(descriptor: Descriptor): number {
  if (!(descriptor instanceof OpenFile)) return 1;
  return Math.max(descriptor.file.size() - descriptor.position, 0);
}
