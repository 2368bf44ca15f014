import { describe, test } from 'vitest';
import { Errno } from '../../../../../src/runtime/wasm/wasi/errno.ts';
import { memoryRoot } from '../../../../../src/runtime/wasm/wasi/fs/memory-directory.ts';
import { CREATE, READ, RESULT, TestGuest, TRUNCATE, WRITE } from '../guest.ts';
import { memoryMount } from './volume.ts';

const SET_SIZE = 1n << 22n;
const KIB = 1024;

async function guestWith(limitBytes: number): Promise<TestGuest> {
  return TestGuest.start({ mounts: [memoryMount('/', limitBytes)] });
}

/** Makes empty files until there is no room; returns how many. */
function fillUp(make: (i: number) => number): number {
  for (let i = 0; ; i++) {
    const errno = make(i);
    if (errno === Errno.SUCCESS) continue;
    if (errno !== Errno.NOSPC) throw new Error(`errno ${errno}`);
    return i;
  }
}

describe('the limit of a tmpfs', () => {
  test('is met by the bytes of files', async ({ expect }) => {
    const guest = await guestWith(64 * KIB);
    const fd = guest.open('file', { oflags: CREATE, rights: READ | WRITE | SET_SIZE });
    expect(guest.call('fd_filestat_set_size', fd, BigInt(80 * KIB))).toBe(Errno.NOSPC);
    expect(guest.call('fd_filestat_set_size', fd, BigInt(60 * KIB))).toBe(Errno.SUCCESS);
    expect(guest.call('fd_filestat_set_size', fd, 1n << 40n)).toBe(Errno.NOSPC);
    expect(await guest.read(fd, 10)).toBe('\0'.repeat(10));
  });

  test('is not used up by what was cut or removed', async ({ expect }) => {
    const guest = await guestWith(64 * KIB);
    for (let i = 0; i < 20; i++) {
      const fd = guest.open('file', { oflags: CREATE | TRUNCATE, rights: READ | WRITE | SET_SIZE });
      expect(guest.call('fd_filestat_set_size', fd, BigInt(40 * KIB))).toBe(Errno.SUCCESS);
      guest.call('fd_filestat_set_size', fd, 10n);
      const other = guest.open('other', { oflags: CREATE, rights: READ | WRITE | SET_SIZE });
      expect(guest.call('fd_filestat_set_size', other, BigInt(50 * KIB))).toBe(Errno.SUCCESS);
      guest.path('path_unlink_file', 3, 'other');
      guest.call('fd_close', other);
      guest.call('fd_close', fd);
    }
  });

  test('still counts a file that is open and has no name', async ({ expect }) => {
    const guest = await guestWith(64 * KIB);
    const make = (name: string) => guest.open(name, { oflags: CREATE, rights: READ | WRITE | SET_SIZE });
    const first = make('a');
    guest.call('fd_filestat_set_size', first, BigInt(40 * KIB));
    guest.path('path_unlink_file', 3, 'a');
    const second = make('b');
    expect(guest.call('fd_filestat_set_size', second, BigInt(40 * KIB))).toBe(Errno.NOSPC);
    guest.call('fd_close', first);
    expect(guest.call('fd_filestat_set_size', second, BigInt(40 * KIB))).toBe(Errno.SUCCESS);
  });

  test.for<{ name: string; make: (guest: TestGuest, i: number) => number }>([
    {
      name: 'empty files',
      make(guest, i) {
        const fd = guest.open(`f${i}`, { oflags: CREATE, rights: WRITE });
        return fd < 0 ? -fd : guest.call('fd_close', fd);
      },
    },
    { name: 'directories', make: (guest, i) => guest.path('path_create_directory', 3, `d${i}`) },
    { name: 'links', make: (guest, i) => guest.path('path_symlink', 'x'.repeat(500), 3, `l${i}`) },
    { name: 'names of one file', make: (guest, i) => guest.path('path_link', 3, 0, 'file', 3, `n${i}`) },
  ])('is met by $name too, and removing them makes room', async ({ make }, { expect }) => {
    const guest = await guestWith(64 * KIB);
    guest.call('fd_close', guest.open('file', { oflags: CREATE, rights: WRITE }));
    const first = fillUp((i) => make(guest, i));
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(130);
    for (let i = 0; i < first; i++) {
      for (const letter of ['f', 'l', 'n']) guest.path('path_unlink_file', 3, `${letter}${i}`);
      guest.path('path_remove_directory', 3, `d${i}`);
    }
    expect(fillUp((i) => make(guest, i))).toBe(first);
  });

  test('a failure leaves what was there', async ({ expect }) => {
    const guest = await guestWith(8 * KIB);
    const fd = guest.open('file', { oflags: CREATE, rights: READ | WRITE | (1n << 2n) });
    await guest.write(fd, 'abc');
    guest.view.setUint32(0x7f10, 0, true);
    guest.view.setUint32(0x7f14, 16 * KIB, true);
    expect(guest.call('fd_pwrite', fd, 0x7f10, 1, 3n, RESULT)).toBe(Errno.NOSPC);
    guest.call('fd_seek', fd, 0n, 0, RESULT);
    expect(await guest.read(fd)).toBe('abc');
  });
});

test('directories can be nested deeper than a stack, and renamed there', async ({ expect }) => {
  const guest = await guestWith(1 << 30);
  let dir = 3;
  const depth = 20_000;
  for (let i = 0; i < depth; i++) {
    expect(guest.path('path_create_directory', dir, 'd')).toBe(Errno.SUCCESS);
    const next = guest.open('d', { dir });
    if (dir !== 3) guest.call('fd_close', dir);
    dir = next;
  }
  guest.path('path_create_directory', dir, 'a');
  expect(guest.path('path_rename', dir, 'a', dir, 'b')).toBe(Errno.SUCCESS);
  expect(guest.path('path_rename', 3, 'd', dir, 'c')).toBe(Errno.INVAL);
});

test('contents that were given are not changed by a guest that writes to its file', async ({ expect }) => {
  const contents = Buffer.from('given');
  const directory = memoryRoot({ nowNs: () => 0n });
  directory.addFile('etc/file', contents);
  directory.addDirectory('empty');
  directory.addLink('etc/link', '../etc/file');
  const guest = await TestGuest.start({ mounts: [{ guestPath: '/', directory }] });
  const fd = guest.open('etc/link', { rights: READ | WRITE | SET_SIZE });
  await guest.write(fd, 'G');
  guest.call('fd_filestat_set_size', fd, 3n);
  expect(await guest.read(guest.open('etc/file'))).toBe('Giv');
  expect(contents.toString()).toBe('given');
  expect(guest.open('empty/x', { oflags: CREATE, rights: WRITE })).toBeGreaterThan(3);
});
