import { test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TestGuest } from './guest.ts';

test('random_get fills the buffer and nothing else', async ({ expect }) => {
  const guest = await TestGuest.start();
  expect(guest.call('random_get', 1, 64)).toBe(Errno.SUCCESS);
  expect(guest.text(0, 1)).toBe('?');
  expect(guest.text(65, 1)).toBe('?');
  const first = guest.text(1, 64);
  expect(guest.call('random_get', 1, 64)).toBe(Errno.SUCCESS);
  expect(guest.text(1, 64)).not.toBe(first);
});

test.for([
  { name: 'no bytes', pointer: 0, length: 0, errno: Errno.SUCCESS },
  { name: 'a buffer that exceeds memory by 1', pointer: 1, length: 4 * 65536, errno: Errno.FAULT },
  { name: 'a length of 4 GiB', pointer: 0, length: -1, errno: Errno.FAULT },
])('random_get writes nothing: $name', async ({ pointer, length, errno }, { expect }) => {
  const guest = await TestGuest.start();
  expect(guest.call('random_get', pointer, length)).toBe(errno);
  expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
});
