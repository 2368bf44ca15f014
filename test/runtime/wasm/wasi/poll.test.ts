import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { memoryMount } from './fs/volume.ts';
import { CREATE, READ, TestGuest, WRITE } from './guest.ts';

const MEMORY = 4 * 65536;
const EVENTS = 0x2000;
const COUNT = 0x3000;
const CLOCK = 0;
const FD_READ = 1;
const FD_WRITE = 2;
const MONOTONIC = 1;
const ABSOLUTE = 1;

interface Subscription {
  readonly tag: number;
  readonly fd?: number;
  readonly clock?: number;
  readonly timeoutNs?: bigint;
  readonly flags?: number;
}

function subscribe(guest: TestGuest, subscriptions: readonly Subscription[], size = 48): void {
  const shift = size - 48;
  for (const [i, it] of subscriptions.entries()) {
    const at = i * size;
    guest.bytes.fill(0x3f, at, at + size);
    guest.view.setBigUint64(at, 0x1111_1111_1111_0000n + BigInt(i), true);
    guest.view.setUint8(at + 8, it.tag);
    guest.view.setUint32(at + 16 + (it.tag === CLOCK ? shift : 0), it.fd ?? it.clock ?? MONOTONIC, true);
    if (it.tag !== CLOCK) continue;
    guest.view.setBigUint64(at + 24 + shift, it.timeoutNs ?? 0n, true);
    guest.view.setUint16(at + 40 + shift, it.flags ?? 0, true);
  }
}

interface Event {
  readonly i: number;
  readonly errno: number;
  readonly tag: number;
  readonly bytes: bigint;
  readonly hangup: number;
}

function events(guest: TestGuest): readonly Event[] {
  return Array.from({ length: guest.view.getUint32(COUNT, true) }, (_, n) => {
    const at = EVENTS + n * 32;
    return {
      i: Number(guest.view.getBigUint64(at, true) & 0xffffn),
      errno: guest.view.getUint16(at + 8, true),
      tag: guest.view.getUint8(at + 10),
      bytes: guest.view.getBigUint64(at + 16, true),
      hangup: guest.view.getUint16(at + 24, true),
    };
  });
}

async function poll(guest: TestGuest, subscriptions: readonly Subscription[]): Promise<readonly Event[]> {
  subscribe(guest, subscriptions);
  guest.bytes.fill(0x3f, EVENTS, EVENTS + 0x800);
  const errno = await guest.wait('poll_oneoff', 0, EVENTS, subscriptions.length, COUNT);
  if (errno !== Errno.SUCCESS) throw new Error(`errno ${errno}`);
  return events(guest);
}

describe('poll_oneoff', () => {
  test('an event has 32 bytes and there is nothing behind the last one', async ({ expect }) => {
    const guest = await TestGuest.start();
    expect(await poll(guest, [{ tag: CLOCK }, { tag: FD_WRITE, fd: 1 }, { tag: FD_READ, fd: 0 }])).toHaveLength(3);
    expect(guest.text(EVENTS, 32)).toBe(`\0\0\x11\x11\x11\x11\x11\x11${'\0'.repeat(24)}`);
    expect(guest.text(EVENTS + 96, 16)).toBe('????????????????');
    expect(guest.text(COUNT, 8)).toBe('\x03\0\0\0????');
  });

  test('a time-out that is over at once', async ({ expect }) => {
    const guest = await TestGuest.start();
    expect(await poll(guest, [{ tag: CLOCK, timeoutNs: 0n }])).toEqual([
      { i: 0, errno: 0, tag: CLOCK, bytes: 0n, hangup: 0 },
    ]);
  });

  test.for([
    { name: 'monotonic', clock: 1, flags: 0 },
    { name: 'realtime', clock: 0, flags: 0 },
    { name: 'monotonic, absolute', clock: 1, flags: ABSOLUTE },
    { name: 'realtime, absolute', clock: 0, flags: ABSOLUTE },
  ])('never wakes too early: $name', async ({ clock, flags }, { expect }) => {
    const guest = await TestGuest.start();
    const now = () => (clock === 0 ? guest.host.clock.realtimeNs() : guest.host.clock.monotonicNs());
    for (const waitNs of [300_000n, 1_500_000n, 4_000_000n]) {
      const until = now() + waitNs;
      await poll(guest, [{ tag: CLOCK, clock, flags, timeoutNs: flags === 0 ? waitNs : until }]);
      // The realtime clock of the host may be adjusted by a little meanwhile.
      expect(now() - until).toBeGreaterThan(clock === 0 ? -500_000n : -1n);
    }
  });

  test('an absolute time in the past is over', async ({ expect }) => {
    const guest = await TestGuest.start();
    expect(await poll(guest, [{ tag: CLOCK, timeoutNs: 1n, flags: ABSOLUTE }])).toHaveLength(1);
  });

  test('of several time-outs only those that are over are told', async ({ expect }) => {
    const guest = await TestGuest.start();
    const told = await poll(guest, [
      { tag: CLOCK, timeoutNs: 3_600_000_000_000n },
      { tag: CLOCK, timeoutNs: 1_000_000n },
      { tag: CLOCK, timeoutNs: 0xffff_ffff_ffff_ffffn },
    ]);
    expect(told.map((event) => event.i)).toEqual([1]);
  });

  test('a time-out that is longer than a timer can be still waits, and can be stopped', async ({ expect }) => {
    const guest = await TestGuest.start();
    subscribe(guest, [{ tag: CLOCK, timeoutNs: 0xffff_ffff_ffff_ffffn }]);
    const waiting = guest.wait('poll_oneoff', 0, EVENTS, 1, COUNT);
    await new Promise((resolve) => setImmediate(resolve));
    guest.host.stop();
    await expect(waiting).rejects.toThrow('the guest was stopped');
  });

  test('stdin wakes it, with the number of bytes, before the time is over', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    setImmediate(() => guest.host.stdin.push(Buffer.from('abc')));
    const hour = { tag: CLOCK, timeoutNs: 3_600_000_000_000n };
    expect(await poll(guest, [hour, { tag: FD_READ, fd: 0 }])).toEqual([
      { i: 1, errno: 0, tag: FD_READ, bytes: 3n, hangup: 0 },
    ]);
    expect(await guest.read(0)).toBe('abc');
    setImmediate(() => guest.host.stdin.end());
    expect(await poll(guest, [hour, { tag: FD_READ, fd: 0 }])).toEqual([
      { i: 1, errno: 0, tag: FD_READ, bytes: 0n, hangup: 1 },
    ]);
  });

  test('memory that grows while it waits is where the events are written', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    setImmediate(() => {
      guest.grow();
      guest.host.stdin.push(Buffer.from('abc'));
    });
    expect(await poll(guest, [{ tag: FD_READ, fd: 0 }])).toHaveLength(1);
  });

  test('a file is ready, with what is left of it', async ({ expect }) => {
    const guest = await TestGuest.start({ mounts: [memoryMount()] });
    const fd = guest.open('file', { oflags: CREATE, rights: READ | WRITE | (1n << 2n) });
    await guest.write(fd, 'abcdef');
    guest.call('fd_seek', fd, 2n, 0, 0x400);
    const told = await poll(guest, [
      { tag: FD_READ, fd },
      { tag: FD_WRITE, fd },
    ]);
    expect(told).toMatchObject([
      { i: 0, tag: FD_READ, bytes: 4n },
      { i: 1, tag: FD_WRITE },
    ]);
  });

  test.for<{ name: string; subscription: Subscription; errno: number }>([
    { name: 'a descriptor that is not open', subscription: { tag: FD_READ, fd: 9 }, errno: Errno.BADF },
    { name: 'an unknown clock', subscription: { tag: CLOCK, clock: 4 }, errno: Errno.INVAL },
    { name: 'an unknown kind', subscription: { tag: 3 }, errno: Errno.NOTSUP },
  ])('an event of its own for $name; the others are told of too', async ({ subscription, errno }, { expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    const told = await poll(guest, [{ tag: FD_READ, fd: 0 }, subscription, { tag: FD_WRITE, fd: 1 }]);
    expect(told.map(({ i, errno: told1 }) => [i, told1])).toEqual([
      [1, errno],
      [2, 0],
    ]);
  });

  test.for([
    { name: 'no subscriptions', args: [0, EVENTS, 0, COUNT], errno: Errno.INVAL },
    { name: 'more than anybody needs', args: [0, EVENTS, 16_385, COUNT], errno: Errno.INVAL },
    { name: 'as many as can be said', args: [0, EVENTS, -1, COUNT], errno: Errno.INVAL },
    { name: 'subscriptions outside of memory', args: [MEMORY - 47, EVENTS, 1, COUNT], errno: Errno.FAULT },
    { name: 'events outside of memory', args: [0, MEMORY - 31, 1, COUNT], errno: Errno.FAULT },
    { name: 'a count outside of memory', args: [0, EVENTS, 1, MEMORY - 3], errno: Errno.FAULT },
  ])('refused, and nothing written: $name', async ({ args, errno }, { expect }) => {
    const guest = await TestGuest.start();
    expect(await guest.wait('poll_oneoff', ...args)).toBe(errno);
    expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
  });

  test('a guest that finds something ready each time still lets the event loop turn', async ({ expect }) => {
    const guest = await TestGuest.start();
    const turn = new AbortController();
    setImmediate(() => turn.abort());
    for (let i = 0; i < 100_000 && !turn.signal.aborted; i++) {
      subscribe(guest, [{ tag: FD_WRITE, fd: 1 }]);
      await guest.wait('poll_oneoff', 0, EVENTS, 1, COUNT);
    }
    expect(turn.signal.aborted).toBe(true);
  });
});

test('wasi_unstable: a subscription has 56 bytes', async ({ expect }) => {
  const guest = await TestGuest.start({}, 'wasi_unstable');
  subscribe(guest, [{ tag: CLOCK, timeoutNs: 3_600_000_000_000n }, { tag: FD_WRITE, fd: 1 }, { tag: CLOCK }], 56);
  expect(await guest.wait('poll_oneoff', 0, EVENTS, 3, COUNT)).toBe(Errno.SUCCESS);
  expect(events(guest).map((event) => event.i)).toEqual([1, 2]);
  subscribe(
    guest,
    [
      { tag: CLOCK, timeoutNs: 3_600_000_000_000n },
      { tag: CLOCK, timeoutNs: 1000n },
    ],
    56,
  );
  expect(await guest.wait('poll_oneoff', 0, EVENTS, 2, COUNT)).toBe(Errno.SUCCESS);
  expect(events(guest).map((event) => event.i)).toEqual([1]);
});
