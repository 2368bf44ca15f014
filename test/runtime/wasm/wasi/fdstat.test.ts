import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { memoryMount } from './fs/volume.ts';
import { CREATE, DIRECTORY, type FunctionName, READ, TestGuest, WRITE } from './guest.ts';

const MEMORY = 4 * 65536;
const SEEK = 1n << 2n;

/** fd 3 '/', fd 4 '/data' (both preopened), fd 5 a file, fd 6 a directory below. */
async function start(): Promise<TestGuest> {
  const guest = await TestGuest.start({ mounts: [memoryMount('/'), memoryMount('/däta')] });
  guest.open('file', { oflags: CREATE, rights: READ | WRITE });
  guest.path('path_create_directory', 3, 'dir');
  guest.open('dir', { oflags: DIRECTORY });
  guest.bytes.fill(0x3f);
  return guest;
}

function rightsOf(guest: TestGuest, fd: number): { base: bigint; inheriting: bigint } {
  guest.call('fd_fdstat_get', fd, 0x400);
  return { base: guest.view.getBigUint64(0x408, true), inheriting: guest.view.getBigUint64(0x410, true) };
}

describe('fd_fdstat_get', () => {
  test.for([
    { name: 'stdin, no terminal', fd: 0, filetype: 0 },
    { name: 'stdout, as a terminal, so that libraries write line by line', fd: 1, filetype: 2 },
    { name: 'stderr', fd: 2, filetype: 2 },
    { name: 'a preopened directory', fd: 3, filetype: 3 },
    { name: 'a file', fd: 5, filetype: 4 },
    { name: 'a directory', fd: 6, filetype: 3 },
  ])('has 24 bytes: $name', async ({ fd, filetype }, { expect }) => {
    const guest = await start();
    expect(guest.call('fd_fdstat_get', fd, 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 9)).toBe(`?${String.fromCharCode(filetype)}\0\0\0\0\0\0\0`);
    expect(guest.text(25, 8)).toBe('????????');
  });

  test('a terminal can neither seek nor tell, a directory neither seek nor change its size', async ({ expect }) => {
    const guest = await start();
    expect(rightsOf(guest, 1).base & (SEEK | (1n << 5n))).toBe(0n);
    expect(rightsOf(guest, 3).base & (SEEK | (1n << 22n))).toBe(0n);
  });

  test('a file has the access that was asked for', async ({ expect }) => {
    const guest = await start();
    expect(rightsOf(guest, 5).base & (READ | WRITE)).toBe(READ | WRITE);
    const reader = guest.open('file', { rights: READ });
    expect(rightsOf(guest, reader).base & (READ | WRITE)).toBe(READ);
    expect(rightsOf(guest, reader).inheriting).toBe(0n);
  });
});

describe('fd_fdstat_set_flags', () => {
  test.for([
    { name: 'NONBLOCK', flags: 4, errno: Errno.SUCCESS, seen: 4 },
    { name: 'APPEND and NONBLOCK', flags: 5, errno: Errno.SUCCESS, seen: 5 },
    { name: 'SYNC, which stays what it was at open', flags: 16, errno: Errno.SUCCESS, seen: 0 },
    { name: 'nothing', flags: 0, errno: Errno.SUCCESS, seen: 0 },
    { name: 'an unknown flag', flags: 32, errno: Errno.INVAL, seen: 0 },
    { name: 'all bits', flags: -1, errno: Errno.INVAL, seen: 0 },
  ])('$name', async ({ flags, errno, seen }, { expect }) => {
    const guest = await start();
    expect(guest.call('fd_fdstat_set_flags', 5, flags)).toBe(errno);
    guest.call('fd_fdstat_get', 5, 0);
    expect(guest.view.getUint16(2, true)).toBe(seen);
  });
});

describe('fd_fdstat_set_rights', () => {
  test('gives rights up, for good', async ({ expect }) => {
    const guest = await start();
    const { base } = rightsOf(guest, 5);
    expect(guest.call('fd_fdstat_set_rights', 5, base & ~WRITE, 0n)).toBe(Errno.SUCCESS);
    expect(await guest.write(5, 'x')).toBe(-Errno.BADF);
    expect(guest.call('fd_fdstat_set_rights', 5, base, 0n)).toBe(Errno.NOTCAPABLE);
    expect(rightsOf(guest, 5).base).toBe(base & ~WRITE);
  });

  test('what a directory does not hand on, nothing below it has', async ({ expect }) => {
    const guest = await start();
    const { base, inheriting } = rightsOf(guest, 6);
    expect(guest.call('fd_fdstat_set_rights', 6, base, inheriting & ~(WRITE | (1n << 22n) | (1n << 8n)))).toBe(0);
    const fd = guest.open('new', { dir: 6, oflags: CREATE, rights: READ | WRITE });
    expect(rightsOf(guest, fd).base & (READ | WRITE)).toBe(READ);
    expect(await guest.write(fd, 'x')).toBe(-Errno.BADF);
  });

  test.for<{ name: string; right: bigint; call: readonly [FunctionName, ...(number | bigint | string)[]] }>([
    { name: 'PATH_OPEN', right: 1n << 13n, call: ['path_open', 6, 0, 'x', 0, READ, 0n, 0, 0] },
    { name: 'PATH_CREATE_FILE', right: 1n << 10n, call: ['path_open', 6, 0, 'x', CREATE, READ, 0n, 0, 0] },
    { name: 'PATH_FILESTAT_SET_SIZE', right: 1n << 19n, call: ['path_open', 6, 0, 'x', 8, READ, 0n, 0, 0] },
    { name: 'PATH_CREATE_DIRECTORY', right: 1n << 9n, call: ['path_create_directory', 6, 'x'] },
    { name: 'PATH_LINK_SOURCE', right: 1n << 11n, call: ['path_link', 6, 0, 'x', 3, 'y'] },
    { name: 'PATH_LINK_TARGET', right: 1n << 12n, call: ['path_link', 3, 0, 'file', 6, 'y'] },
    { name: 'FD_READDIR', right: 1n << 14n, call: ['fd_readdir', 6, 0, 0, 0n, 0] },
    { name: 'PATH_READLINK', right: 1n << 15n, call: ['path_readlink', 6, 'x', 0, 0, 0] },
    { name: 'PATH_RENAME_SOURCE', right: 1n << 16n, call: ['path_rename', 6, 'x', 3, 'y'] },
    { name: 'PATH_RENAME_TARGET', right: 1n << 17n, call: ['path_rename', 3, 'file', 6, 'y'] },
    { name: 'PATH_FILESTAT_GET', right: 1n << 18n, call: ['path_filestat_get', 6, 0, 'x', 0] },
    { name: 'PATH_FILESTAT_SET_TIMES', right: 1n << 20n, call: ['path_filestat_set_times', 6, 0, 'x', 0n, 0n, 0] },
    { name: 'FD_FILESTAT_GET', right: 1n << 21n, call: ['fd_filestat_get', 6, 0] },
    { name: 'FD_FILESTAT_SET_TIMES', right: 1n << 23n, call: ['fd_filestat_set_times', 6, 0n, 0n, 0] },
    { name: 'PATH_SYMLINK', right: 1n << 24n, call: ['path_symlink', 't', 6, 'x'] },
    { name: 'PATH_REMOVE_DIRECTORY', right: 1n << 25n, call: ['path_remove_directory', 6, 'x'] },
    { name: 'PATH_UNLINK_FILE', right: 1n << 26n, call: ['path_unlink_file', 6, 'x'] },
    { name: 'FD_SYNC', right: 1n << 4n, call: ['fd_sync', 6] },
    { name: 'FD_FDSTAT_SET_FLAGS', right: 1n << 3n, call: ['fd_fdstat_set_flags', 6, 4] },
  ])('NOTCAPABLE without $name', async ({ right, call: [name, ...args] }, { expect }) => {
    const guest = await start();
    const { base, inheriting } = rightsOf(guest, 6);
    expect(guest.call('fd_fdstat_set_rights', 6, base & ~right, inheriting)).toBe(Errno.SUCCESS);
    expect(guest.path(name, ...args)).toBe(Errno.NOTCAPABLE);
  });
});

describe('preopened directories', () => {
  test('fd_prestat_get has 8 bytes, the length in bytes', async ({ expect }) => {
    const guest = await start();
    expect(guest.call('fd_prestat_get', 4, 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 10)).toBe('?\0\0\0\0\x06\0\0\0?');
  });

  test('fd_prestat_dir_name has no NUL', async ({ expect }) => {
    const guest = await start();
    expect(guest.call('fd_prestat_dir_name', 4, 1, 6)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 8)).toBe('?/d\xc3\xa4ta?');
    expect(guest.call('fd_prestat_dir_name', 3, 32, 100)).toBe(Errno.SUCCESS);
    expect(guest.text(31, 3)).toBe('?/?');
  });

  test.for<{ name: string; call: readonly [FunctionName, ...number[]]; errno: number }>([
    { name: 'a directory that is not preopened', call: ['fd_prestat_get', 6, 0], errno: Errno.BADF },
    { name: 'its name', call: ['fd_prestat_dir_name', 6, 0, 9], errno: Errno.BADF },
    { name: 'a stream', call: ['fd_prestat_get', 1, 0], errno: Errno.BADF },
    { name: 'a buffer too short by 1', call: ['fd_prestat_dir_name', 4, 0, 5], errno: Errno.NAMETOOLONG },
    { name: 'a buffer outside of memory', call: ['fd_prestat_dir_name', 4, MEMORY - 5, 6], errno: Errno.FAULT },
    { name: 'a result outside of memory', call: ['fd_prestat_get', 3, MEMORY - 7], errno: Errno.FAULT },
    { name: 'an fdstat outside of memory', call: ['fd_fdstat_get', 3, MEMORY - 23], errno: Errno.FAULT },
  ])('refused, and nothing written: $name', async ({ call: [name, ...args], errno }, { expect }) => {
    const guest = await start();
    expect(guest.call(name, ...args)).toBe(errno);
    expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
  });
});
