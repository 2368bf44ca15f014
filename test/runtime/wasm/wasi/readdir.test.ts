import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TREES, TreeGuest } from './fs/trees.ts';
import { CREATE, RESULT, type TestGuest, WRITE } from './guest.ts';

const MEMORY = 4 * 65536;

interface Entry {
  readonly next: bigint;
  readonly inode: bigint;
  readonly filetype: number;
  readonly name: string;
}

/** The whole entries that one call with this buffer gives. */
function list(guest: TestGuest, fd: number, length: number, cookie = 0n): { used: number; entries: Entry[] } {
  const errno = guest.call('fd_readdir', fd, 0, length, cookie, RESULT);
  if (errno !== Errno.SUCCESS) throw new Error(`errno ${errno}`);
  const used = guest.view.getUint32(RESULT, true);
  const entries: Entry[] = [];
  for (let at = 0; at + 24 <= used;) {
    const size = guest.view.getUint32(at + 16, true);
    if (at + 24 + size > used) break;
    entries.push({
      next: guest.view.getBigUint64(at, true),
      inode: guest.view.getBigUint64(at + 8, true),
      filetype: guest.view.getUint32(at + 20, true),
      name: Buffer.from(guest.bytes.slice(at + 24, at + 24 + size)).toString(),
    });
    at += 24 + size;
  }
  return { used, entries };
}

/** All names, as a library with a buffer of this length gets them. */
function names(guest: TestGuest, fd: number, length: number): string[] {
  const found: string[] = [];
  for (let cookie = 0n; ;) {
    const { used, entries } = list(guest, fd, length, cookie);
    found.push(...entries.map((entry) => entry.name));
    cookie = entries.at(-1)?.next ?? cookie;
    if (used < length) return found;
  }
}

function plant(guest: TestGuest): void {
  guest.path('path_create_directory', 3, 'top');
  guest.path('path_create_directory', 3, 'top/dir');
  guest.call('fd_close', guest.open('top/file', { oflags: CREATE, rights: WRITE }));
  guest.call('fd_close', guest.open('top/ünïcode', { oflags: CREATE, rights: WRITE }));
  guest.path('path_symlink', 'file', 3, 'top/link');
}

describe.each(TREES)('fd_readdir in %s', (tree) => {
  test('tells names, filetypes and inodes; "." and ".." first', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    plant(guest);
    const { used, entries } = list(guest, guest.open('top'), 4096);
    expect(used).toBeLessThan(4096);
    expect(entries.slice(0, 2).map((entry) => entry.name)).toEqual(['.', '..']);
    const byName = Object.fromEntries(entries.map((entry) => [entry.name, entry]));
    expect(Object.keys(byName).toSorted()).toEqual(['.', '..', 'dir', 'file', 'link', 'ünïcode']);
    const filetypes = ['.', '..', 'dir', 'file', 'link'].map((name) => byName[name]?.filetype);
    expect(filetypes).toEqual([3, 3, 3, 4, 7]);
    expect(entries.map((entry) => entry.next)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
    for (const name of ['.', 'dir', 'file', 'link']) {
      guest.path('path_filestat_get', 3, 0, `top/${name}`, 0x400);
      expect(byName[name]?.inode, name).toBe(guest.view.getBigUint64(0x408, true));
    }
  });

  test('fills the buffer to its end, with a part of an entry, and nothing behind it', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    plant(guest);
    const fd = guest.open('top');
    guest.bytes.fill(0x3f, 0, 256);
    expect(list(guest, fd, 60)).toMatchObject({ used: 60, entries: [{ name: '.' }, { name: '..' }] });
    expect(guest.text(60, 8)).toBe('????????');
    expect(list(guest, fd, 0)).toEqual({ used: 0, entries: [] });
    expect(list(guest, fd, 10)).toEqual({ used: 10, entries: [] });
  });

  test.for([40, 64, 100, 1024])('goes on from a cookie, with a buffer of %i bytes', async (length, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    plant(guest);
    expect(names(guest, guest.open('top'), length).toSorted()).toEqual(['.', '..', 'dir', 'file', 'link', 'ünïcode']);
  });

  test('an entry is neither lost nor told twice because others come and go', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    guest.path('path_create_directory', 3, 'top');
    const make = (name: string) => guest.call('fd_close', guest.open(name, { oflags: CREATE, rights: WRITE }));
    for (let i = 10; i < 40; i++) make(`top/f${i}`);
    const fd = guest.open('top');
    const first = list(guest, fd, 400);
    for (const { name } of first.entries.slice(2)) guest.path('path_unlink_file', 3, `top/${name}`);
    make('top/new');
    const rest: string[] = [];
    for (let cookie = first.entries.at(-1)?.next ?? 0n; ;) {
      const { used, entries } = list(guest, fd, 400, cookie);
      rest.push(...entries.map((entry) => entry.name));
      cookie = entries.at(-1)?.next ?? cookie;
      if (used < 400) break;
    }
    const old = [...first.entries.slice(2).map((entry) => entry.name), ...rest].filter((name) => name !== 'new');
    expect(old.toSorted()).toEqual(Array.from({ length: 30 }, (_, i) => `f${i + 10}`));
    // From the start it is listed anew.
    expect(names(guest, fd, 4096)).toContain('new');
  });

  test('a cookie behind the end is the end', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    plant(guest);
    const fd = guest.open('top');
    expect(list(guest, fd, 100, 6n).used).toBe(0);
    expect(list(guest, fd, 100, -1n).used).toBe(0);
  });

  test.for([
    { name: 'a buffer that exceeds memory by 1', buffer: 1, length: MEMORY, used: 0 },
    { name: 'a result that exceeds memory by 1', buffer: 0, length: 64, used: MEMORY - 3 },
  ])('FAULT, and nothing written: $name', async ({ buffer, length, used }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    guest.bytes.fill(0x3f);
    expect(guest.call('fd_readdir', 3, buffer, length, 0n, used)).toBe(Errno.FAULT);
    expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
  });
});
