import { test } from 'vitest';
import { systemClock } from '../../../../src/runtime/wasm/wasi/clock.ts';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TestGuest } from './guest.ts';

const clock = { realtimeNs: () => 0x0102030405060708n, monotonicNs: () => 1n, cpuNs: () => 2n };

test.for([
  { name: 'realtime', id: 0, bytes: '\x08\x07\x06\x05\x04\x03\x02\x01' },
  { name: 'monotonic', id: 1, bytes: '\x01\0\0\0\0\0\0\0' },
  { name: 'process CPU time', id: 2, bytes: '\x02\0\0\0\0\0\0\0' },
  { name: 'thread CPU time', id: 3, bytes: '\x02\0\0\0\0\0\0\0' },
])('clock_time_get of $name writes 8 bytes', async ({ id, bytes }, { expect }) => {
  const guest = await TestGuest.start({ clock });
  expect(guest.call('clock_time_get', id, 0n, 1)).toBe(Errno.SUCCESS);
  expect(guest.text(0, 10)).toBe(`?${bytes}?`);
});

test('clock_res_get writes 8 bytes that are not 0', async ({ expect }) => {
  const guest = await TestGuest.start();
  expect(guest.call('clock_res_get', 1, 1)).toBe(Errno.SUCCESS);
  expect(guest.text(0, 10)).toBe('?\x01\0\0\0\0\0\0\0?');
});

test.for([
  { name: 'an unknown clock', call: ['clock_time_get', 4, 0n, 0] as const, errno: Errno.INVAL },
  { name: 'the resolution of an unknown clock', call: ['clock_res_get', 4, 0] as const, errno: Errno.INVAL },
  { name: 'a time that exceeds memory by 1', call: ['clock_time_get', 0, 0n, 262137] as const, errno: Errno.FAULT },
  { name: 'a resolution that exceeds memory by 1', call: ['clock_res_get', 0, 262137] as const, errno: Errno.FAULT },
])('refused: $name', async ({ call: [name, ...args], errno }, { expect }) => {
  const guest = await TestGuest.start();
  expect(guest.call(name, ...args)).toBe(errno);
});

test('the system clock has the time of day and does not go back', ({ expect }) => {
  const system = systemClock();
  const off = Number(system.realtimeNs() / 1_000_000n) - Date.now();
  expect(Math.abs(off)).toBeLessThan(50);
  let last = system.monotonicNs();
  let lastReal = system.realtimeNs();
  for (let i = 0; i < 1000; i++) {
    const now = system.monotonicNs();
    const real = system.realtimeNs();
    expect(now >= last).toBe(true);
    expect(real >= lastReal).toBe(true);
    last = now;
    lastReal = real;
  }
  expect(system.cpuNs()).toBeGreaterThan(0n);
});
