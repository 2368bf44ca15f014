import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { WasiHost } from '../../../../src/runtime/wasm/wasi/host.ts';
import { type FunctionName, TestGuest } from './guest.ts';

const LISTS = [
  { get: 'args_get', sizes: 'args_sizes_get', list: 'args' },
  { get: 'environ_get', sizes: 'environ_sizes_get', list: 'env' },
] as const satisfies readonly { get: FunctionName; sizes: FunctionName; list: 'args' | 'env' }[];

describe.each(LISTS)('$get', ({ get, sizes, list }) => {
  test('writes the pointers and the strings, and nothing else', async ({ expect }) => {
    const guest = await TestGuest.start({ [list]: ['a', 'bc', ''] });
    expect(guest.call(get, 1, 15)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 22)).toBe('?\x0f\0\0\0\x11\0\0\0\x14\0\0\0??a\0bc\0\0?');
  });

  test('counts bytes and not characters', async ({ expect }) => {
    const guest = await TestGuest.start({ [list]: ['ä', 'b'] });
    expect(guest.call(sizes, 1, 6)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 11)).toBe('?\x02\0\0\0?\x05\0\0\0?');
    expect(guest.call(get, 32, 64)).toBe(Errno.SUCCESS);
    expect(guest.text(63, 7)).toBe('?\xc3\xa4\0b\0?');
  });

  test('of an empty list writes nothing', async ({ expect }) => {
    const guest = await TestGuest.start({ [list]: [] });
    expect(guest.call(get, 1, 8)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 16)).toBe('?'.repeat(16));
    expect(guest.call(sizes, 1, 6)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 11)).toBe('?\0\0\0\0?\0\0\0\0?');
  });

  const SIZE = 4 * 65536;
  test.for([
    { name: 'pointers exceed memory by 1', fn: get, a: SIZE - 3, b: 0 },
    { name: 'strings exceed memory by 1', fn: get, a: 0, b: SIZE - 1 },
    { name: 'pointers are far outside', fn: get, a: -1, b: 0 },
    { name: 'count exceeds memory by 1', fn: sizes, a: SIZE - 3, b: 0 },
    { name: 'size exceeds memory by 1', fn: sizes, a: 0, b: SIZE - 3 },
  ])('FAULT, and nothing written: $name', async ({ fn, a, b }, { expect }) => {
    const guest = await TestGuest.start({ [list]: ['a'] });
    expect(guest.call(fn, a, b)).toBe(Errno.FAULT);
    expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
  });
});

test('a NUL in an argument is refused before the guest starts', ({ expect }) => {
  const make = () =>
    new WasiHost({ args: ['a\0b'], env: [], stdout: () => undefined, stderr: () => undefined, mounts: [] });
  expect(make).toThrow(/NUL/);
});
