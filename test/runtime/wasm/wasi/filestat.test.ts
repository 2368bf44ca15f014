import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TREES, TreeGuest } from './fs/trees.ts';
import { HostVolume, memoryMount } from './fs/volume.ts';
import { CREATE, DIRECTORY, READ, TestGuest, WRITE } from './guest.ts';

const MEMORY = 4 * 65536;
const SET_SIZE = 1n << 22n;
const FOLLOW = 1;
/** Set both times to what is given. */
const BOTH = 5;

interface Stat {
  readonly device: bigint;
  readonly inode: bigint;
  readonly filetype: number;
  readonly links: bigint;
  readonly size: bigint;
  readonly atim: bigint;
  readonly mtim: bigint;
}

function read(guest: TestGuest, at: number): Stat {
  const u64 = (offset: number) => guest.view.getBigUint64(at + offset, true);
  const filetype = guest.view.getUint8(at + 16);
  return { device: u64(0), inode: u64(8), filetype, links: u64(24), size: u64(32), atim: u64(40), mtim: u64(48) };
}

function statOf(guest: TestGuest, name: string, flags = FOLLOW): Stat {
  const errno = guest.path('path_filestat_get', 3, flags, name, 0x400);
  if (errno !== 0) throw new Error(`errno ${errno}`);
  return read(guest, 0x400);
}

async function make(guest: TestGuest, name: string, text: string): Promise<number> {
  const fd = guest.open(name, { oflags: CREATE, rights: READ | WRITE | SET_SIZE });
  await guest.write(fd, text);
  return fd;
}

describe.each(TREES)('filestat in %s', (tree) => {
  test('has 64 bytes, by path and by descriptor the same', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await make(guest, 'file', 'abc');
    guest.bytes.fill(0x3f);
    expect(guest.path('path_filestat_get', 3, 0, 'file', 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 1)).toBe('?');
    expect(guest.text(65, 8)).toBe('????????');
    expect(guest.call('fd_filestat_get', fd, 101)).toBe(Errno.SUCCESS);
    expect(guest.text(100, 1) + guest.text(165, 1)).toBe('??');
    expect(guest.text(1, 64)).toBe(guest.text(101, 64));
    // Filetype and 7 bytes of nothing.
    expect(guest.text(17, 8)).toBe('\x04\0\0\0\0\0\0\0');
    expect(read(guest, 1)).toMatchObject({ filetype: 4, links: 1n, size: 3n });
  });

  test('knows files, directories and links', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await make(guest, 'file', 'abc');
    guest.path('path_create_directory', 3, 'dir');
    guest.path('path_symlink', 'file', 3, 'link');
    guest.path('path_link', 3, 0, 'file', 3, 'second');
    expect(statOf(guest, 'dir')).toMatchObject({ filetype: 3 });
    expect(statOf(guest, 'dir/')).toMatchObject({ filetype: 3 });
    expect(statOf(guest, '.')).toMatchObject({ filetype: 3 });
    expect(statOf(guest, 'link', 0)).toMatchObject({ filetype: 7, size: 4n });
    expect(statOf(guest, 'link')).toMatchObject({ filetype: 4, size: 3n, links: 2n });
    expect(statOf(guest, 'second').inode).toBe(statOf(guest, 'file').inode);
    expect(statOf(guest, 'dir').inode).not.toBe(statOf(guest, 'file').inode);
    expect(statOf(guest, 'dir').device).toBe(statOf(guest, 'file').device);
  });

  test.for([
    { name: 'nothing there', path: 'none', errno: Errno.NOENT },
    { name: 'below nothing', path: 'none/x', errno: Errno.NOENT },
    { name: 'below a file', path: 'file/x', errno: Errno.NOTDIR },
    { name: 'a file with a slash', path: 'file/', errno: Errno.NOTDIR },
    { name: 'above', path: '..', errno: Errno.NOTCAPABLE },
    { name: 'absolute', path: '/file', errno: Errno.NOTCAPABLE },
    { name: 'empty', path: '', errno: Errno.NOENT },
    { name: 'a name of 256 bytes', path: 'ä'.repeat(128), errno: Errno.NAMETOOLONG },
  ])('refused, and nothing written: $name', async ({ path: name, errno }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await make(guest, 'file', 'abc');
    guest.bytes.fill(0x3f);
    expect(guest.path('path_filestat_get', 3, FOLLOW, name, 0)).toBe(errno);
    expect(guest.text(0, 128)).toBe('?'.repeat(128));
  });

  test('a filestat outside of memory is a FAULT', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await make(guest, 'file', 'abc');
    expect(guest.call('fd_filestat_get', fd, MEMORY - 63)).toBe(Errno.FAULT);
    expect(guest.path('path_filestat_get', 3, 0, 'file', MEMORY - 63)).toBe(Errno.FAULT);
  });

  test('fd_filestat_set_size cuts and fills up with zeros', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await make(guest, 'file', 'abcdef');
    expect(guest.call('fd_filestat_set_size', fd, 2n)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_filestat_set_size', fd, 4n)).toBe(Errno.SUCCESS);
    expect(await guest.read(guest.open('file'))).toBe('ab\0\0');
    expect(guest.call('fd_filestat_set_size', fd, 1n << 53n)).toBe(Errno.INVAL);
    expect(guest.call('fd_filestat_set_size', fd, -1n)).toBe(Errno.INVAL);
    expect(guest.call('fd_filestat_set_size', 3, 0n)).toBe(Errno.BADF);
    expect(guest.call('fd_filestat_set_size', 1, 0n)).toBe(Errno.SPIPE);
    expect(statOf(guest, 'file').size).toBe(4n);
  });

  describe('times', () => {
    const [ATIM, MTIM] = [1_234_567_890_123_456_789n, 987_654_321_987_654_321n];

    test('are exact to the nanosecond, by descriptor and by path', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      const fd = await make(guest, 'file', 'abc');
      expect(guest.call('fd_filestat_set_times', fd, ATIM, MTIM, BOTH)).toBe(Errno.SUCCESS);
      expect(statOf(guest, 'file')).toMatchObject({ atim: ATIM, mtim: MTIM });
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', MTIM, ATIM, BOTH)).toBe(Errno.SUCCESS);
      guest.call('fd_filestat_get', fd, 0x400);
      expect(read(guest, 0x400)).toMatchObject({ atim: MTIM, mtim: ATIM });
    });

    test('one is set without the other', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await make(guest, 'file', 'abc');
      guest.path('path_filestat_set_times', 3, 0, 'file', ATIM, MTIM, BOTH);
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', 0n, 5n, 4)).toBe(Errno.SUCCESS);
      expect(statOf(guest, 'file')).toMatchObject({ atim: ATIM, mtim: 5n });
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', 7n, 0n, 1)).toBe(Errno.SUCCESS);
      expect(statOf(guest, 'file')).toMatchObject({ atim: 7n, mtim: 5n });
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', 9n, 9n, 0)).toBe(Errno.SUCCESS);
      expect(statOf(guest, 'file')).toMatchObject({ atim: 7n, mtim: 5n });
    });

    test('now is the guest’s clock', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await make(guest, 'file', 'abc');
      const before = guest.host.clock.realtimeNs();
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', 0n, 0n, 10)).toBe(Errno.SUCCESS);
      const after = guest.host.clock.realtimeNs();
      const { atim, mtim } = statOf(guest, 'file');
      expect(atim >= before && atim <= after && mtim === atim).toBe(true);
    });

    test('of a link are its own unless it is followed', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await make(guest, 'file', 'abc');
      guest.path('path_symlink', 'file', 3, 'link');
      expect(guest.path('path_filestat_set_times', 3, 0, 'link', 1n, 2n, BOTH)).toBe(Errno.SUCCESS);
      expect(guest.path('path_filestat_set_times', 3, FOLLOW, 'link', 3n, 4n, BOTH)).toBe(Errno.SUCCESS);
      // To follow the link was to read it, which the system may note.
      expect(statOf(guest, 'link', 0)).toMatchObject({ mtim: 2n });
      expect(statOf(guest, 'file')).toMatchObject({ atim: 3n, mtim: 4n });
    });

    test('of directories can be set too', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      guest.path('path_create_directory', 3, 'dir');
      const dir = guest.open('dir', { oflags: DIRECTORY });
      expect(guest.call('fd_filestat_set_times', dir, ATIM, MTIM, BOTH)).toBe(Errno.SUCCESS);
      expect(statOf(guest, 'dir')).toMatchObject({ atim: ATIM, mtim: MTIM });
      expect(guest.path('path_filestat_set_times', 3, 0, '.', 1n, 2n, BOTH)).toBe(Errno.SUCCESS);
      expect(statOf(guest, '.')).toMatchObject({ atim: 1n, mtim: 2n });
    });

    test.for([
      { name: 'a time and now for access', flags: 3 },
      { name: 'a time and now for modification', flags: 12 },
      { name: 'an unknown flag', flags: 16 },
    ])('INVAL: $name', async ({ flags }, { expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      const fd = await make(guest, 'file', 'abc');
      expect(guest.call('fd_filestat_set_times', fd, 0n, 0n, flags)).toBe(Errno.INVAL);
      expect(guest.path('path_filestat_set_times', 3, 0, 'file', 0n, 0n, flags)).toBe(Errno.INVAL);
    });
  });
});

test('who else changes a file is believed, not our memory of it', async ({ expect }) => {
  using volume = new HostVolume();
  const guest = await volume.guest();
  await make(guest, 'file', 'abc');
  guest.path('path_filestat_set_times', 3, 0, 'file', 1_000_000_000_000_000_789n, 1_000_000_000_000_000_789n, BOTH);
  fs.utimesSync(path.join(volume.inside, 'file'), 2_000_000_000, 2_000_000_000);
  expect(statOf(guest, 'file')).toMatchObject({ atim: 2_000_000_000_000_000_000n, mtim: 2_000_000_000_000_000_000n });
});

test('a stream has a filetype and nothing more', async ({ expect }) => {
  const guest = await TestGuest.start();
  expect(guest.call('fd_filestat_get', 1, 0)).toBe(Errno.SUCCESS);
  expect(read(guest, 0)).toMatchObject({ filetype: 2, inode: 1n, size: 0n });
  expect(guest.call('fd_filestat_set_times', 1, 0n, 0n, 0)).toBe(Errno.NOTCAPABLE);
});

describe('wasi_unstable', () => {
  test('a filestat has 56 bytes', async ({ expect }) => {
    const guest = await TestGuest.start({ mounts: [memoryMount()] }, 'wasi_unstable');
    const fd = await make(guest, 'file', 'abc');
    guest.bytes.fill(0x3f);
    expect(guest.call('fd_filestat_get', fd, 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 1) + guest.text(57, 8)).toBe('?????????');
    // Filetype, 3 bytes of nothing, 32 bits of links; then the size.
    expect(guest.text(17, 16)).toBe('\x04\0\0\0\x01\0\0\0\x03\0\0\0\0\0\0\0');
    expect(guest.path('path_filestat_get', 3, 0, 'file', 101)).toBe(Errno.SUCCESS);
    expect(guest.text(101, 56)).toBe(guest.text(1, 56));
    expect(guest.call('fd_filestat_get', fd, MEMORY - 55)).toBe(Errno.FAULT);
  });

  test.for([
    { name: 'here', whence: 0, at: 5n },
    { name: 'the end', whence: 1, at: 7n },
    { name: 'the start', whence: 2, at: 1n },
  ])('fd_seek by 1 from $name', async ({ whence, at }, { expect }) => {
    const guest = await TestGuest.start({ mounts: [memoryMount()] }, 'wasi_unstable');
    const fd = await make(guest, 'file', 'abcdef');
    guest.call('fd_seek', fd, 4n, 2, 0);
    expect(guest.call('fd_seek', fd, 1n, whence, 0)).toBe(Errno.SUCCESS);
    expect(guest.view.getBigUint64(0, true)).toBe(at);
    expect(guest.call('fd_seek', fd, 1n, 3, 0)).toBe(Errno.INVAL);
  });
});
