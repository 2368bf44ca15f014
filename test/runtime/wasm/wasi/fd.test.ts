import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TREES, TreeGuest } from './fs/trees.ts';
import { CREATE, DIRECTORY, type FunctionName, READ, RESULT, type TestGuest, VECTOR, WRITE } from './guest.ts';

const SEEK = 1n << 2n;
const TELL = 1n << 5n;
const MEMORY = 4 * 65536;
const APPEND = 1;

/** A descriptor of a new file with this text, standing at its start. */
async function fileWith(guest: TestGuest, text: string, fdflags = 0): Promise<number> {
  const fd = guest.open('file', { oflags: CREATE, rights: READ | WRITE | SEEK | TELL, fdflags });
  await guest.write(fd, text);
  guest.call('fd_seek', fd, 0n, 0, RESULT);
  return fd;
}

describe.each(TREES)('descriptors of files in %s', (tree) => {
  test('fd_read fills its buffers in order and writes nothing else', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abcdefgh');
    guest.bytes.fill(0x3f, 0, 64);
    // 2 bytes at 1, none, 3 at 8.
    guest.vectors([1, 2], [40, 0], [8, 3]);
    expect(await guest.wait('fd_read', fd, VECTOR, 3, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 32)).toBe('?ab?????cde?????????\x05\0\0\0????????');
    guest.vectors([1, 9]);
    expect(await guest.wait('fd_read', fd, VECTOR, 1, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 32)).toBe('?fgh????cde?????????\x03\0\0\0????????');
    expect(await guest.wait('fd_read', fd, VECTOR, 1, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(20, 4)).toBe('\0\0\0\0');
  });

  test('fd_write gathers its buffers and writes only the count to memory', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, '');
    guest.bytes.fill(0x3f, 0, 64);
    guest.bytes.set(Buffer.from('hello'), 1);
    guest.vectors([1, 4], [40, 0], [5, 1]);
    expect(await guest.wait('fd_write', fd, VECTOR, 3, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 32)).toBe('?hello??????????????\x05\0\0\0????????');
    guest.call('fd_seek', fd, 0n, 0, RESULT);
    expect(await guest.read(fd)).toBe('hello');
  });

  test('buffers that lie on their own array are read where they were', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abcdefghijklmnopqrstuvwx');
    guest.vectors([VECTOR, 16], [8, 8]);
    expect(await guest.wait('fd_read', fd, VECTOR, 2, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(VECTOR, 16)).toBe('abcdefghijklmnop');
    expect(guest.text(8, 8)).toBe('qrstuvwx');
  });

  test('fd_pread and fd_pwrite leave the position', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abcdef');
    guest.vectors([1, 2]);
    expect(guest.call('fd_pread', fd, VECTOR, 1, 3n, 20)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 24)).toBe('?de?????????????????\x02\0\0\0');
    expect(guest.call('fd_pwrite', fd, VECTOR, 1, 0n, 20)).toBe(Errno.SUCCESS);
    expect(await guest.read(fd)).toBe('decdef');
    // Behind the end a hole reads as zeros.
    guest.vectors([1, 2]);
    expect(guest.call('fd_pwrite', fd, VECTOR, 1, 8n, 20)).toBe(Errno.SUCCESS);
    expect(await guest.read(fd)).toBe('\0\0de');
  });

  test('APPEND writes at the end, also fd_pwrite as on Linux, and can be set and cleared', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abc', APPEND);
    expect(await guest.write(fd, 'd')).toBe(1);
    guest.bytes.set(Buffer.from('e'), 1);
    guest.vectors([1, 1]);
    expect(guest.call('fd_pwrite', fd, VECTOR, 1, 0n, 20)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_fdstat_set_flags', fd, 0)).toBe(Errno.SUCCESS);
    guest.call('fd_seek', fd, 0n, 0, RESULT);
    expect(await guest.write(fd, 'A')).toBe(1);
    expect(guest.call('fd_fdstat_set_flags', fd, APPEND)).toBe(Errno.SUCCESS);
    expect(await guest.write(fd, 'f')).toBe(1);
    guest.call('fd_seek', fd, 0n, 0, RESULT);
    expect(await guest.read(fd)).toBe('Abcdef');
  });

  test.for([
    { name: 'from the start', offset: 2n, whence: 0, errno: Errno.SUCCESS, at: 2 },
    { name: 'from here', offset: -1n, whence: 1, errno: Errno.SUCCESS, at: 2 },
    { name: 'from the end', offset: -2n, whence: 2, errno: Errno.SUCCESS, at: 4 },
    { name: 'behind the end', offset: 100n, whence: 2, errno: Errno.SUCCESS, at: 106 },
    { name: 'before the start', offset: -1n, whence: 0, errno: Errno.INVAL, at: 3 },
    { name: 'before the start from the end', offset: -7n, whence: 2, errno: Errno.INVAL, at: 3 },
    { name: 'beyond what a number holds', offset: 0x7fff_ffff_ffff_ffffn, whence: 1, errno: Errno.INVAL, at: 3 },
    { name: 'as far back as possible', offset: -0x8000_0000_0000_0000n, whence: 2, errno: Errno.INVAL, at: 3 },
    { name: 'an unknown whence', offset: 0n, whence: 3, errno: Errno.INVAL, at: 3 },
  ])('fd_seek $name', async ({ offset, whence, errno, at }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abcdef');
    guest.call('fd_seek', fd, 3n, 0, RESULT);
    guest.bytes.fill(0x3f, 0, 16);
    expect(guest.call('fd_seek', fd, offset, whence, 1)).toBe(errno);
    const written = errno === Errno.SUCCESS ? `?${String.fromCharCode(at)}\0\0\0\0\0\0\0???????` : '?'.repeat(16);
    expect(guest.text(0, 16)).toBe(written);
    expect(guest.call('fd_tell', fd, 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 16)).toBe(`?${String.fromCharCode(at)}\0\0\0\0\0\0\0???????`);
  });

  test('fd_allocate makes a file longer and never shorter', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = guest.open('file', { oflags: CREATE, rights: READ | WRITE | (1n << 8n) });
    await guest.write(fd, 'abc');
    expect(guest.call('fd_allocate', fd, 1n, 1n)).toBe(Errno.SUCCESS);
    expect(sizeOf(guest, fd)).toBe(3n);
    expect(guest.call('fd_allocate', fd, 2n, 4n)).toBe(Errno.SUCCESS);
    expect(sizeOf(guest, fd)).toBe(6n);
    expect(await guest.write(fd, 'd')).toBe(1);
    expect(guest.call('fd_allocate', fd, 0n, 0n)).toBe(Errno.INVAL);
    expect(guest.call('fd_allocate', fd, 0n, 1n << 50n)).toBe(Errno.NOSPC);
    expect(guest.call('fd_allocate', fd, 1n, (1n << 53n) - 1n)).toBe(Errno.FBIG);
    expect(guest.call('fd_allocate', fd, 0n, -1n)).toBe(Errno.INVAL);
    expect(sizeOf(guest, fd)).toBe(6n);
  });

  test('an unlinked file lives as long as it is open', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abc');
    expect(guest.path('path_unlink_file', 3, 'file')).toBe(Errno.SUCCESS);
    expect(guest.open('file')).toBe(-Errno.NOENT);
    expect(await guest.read(fd)).toBe('abc');
    expect(guest.call('fd_fdstat_set_flags', fd, APPEND)).toBe(Errno.SUCCESS);
    expect(await guest.write(fd, 'd')).toBe(1);
    expect(sizeOf(guest, fd)).toBe(4n);
    expect(guest.call('fd_close', fd)).toBe(Errno.SUCCESS);
  });

  test('sync and advice succeed', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    const fd = await fileWith(guest, 'abc');
    expect(guest.call('fd_sync', fd)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_datasync', fd)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_sync', 3)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_advise', fd, 0n, 0n, 5)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_advise', fd, 0n, 0n, 6)).toBe(Errno.INVAL);
  });

  test('access that was not asked for is not there', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await fileWith(guest, 'abc');
    const reader = guest.open('file', { rights: READ });
    const writer = guest.open('file', { rights: WRITE });
    expect(await guest.write(reader, 'x')).toBe(-Errno.BADF);
    expect(await guest.read(writer)).toBe(-Errno.BADF);
    guest.vectors([1, 1]);
    expect(guest.call('fd_pread', writer, VECTOR, 1, 0n, RESULT)).toBe(Errno.BADF);
    expect(guest.call('fd_pwrite', reader, VECTOR, 1, 0n, RESULT)).toBe(Errno.BADF);
    expect(guest.call('fd_filestat_set_size', reader, 0n)).toBe(Errno.INVAL);
    expect(guest.call('fd_allocate', reader, 0n, 9n)).toBe(Errno.NOTCAPABLE);
    expect(sizeOf(guest, reader)).toBe(3n);
  });
});

function sizeOf(guest: TestGuest, fd: number): bigint {
  guest.call('fd_filestat_get', fd, 0x400);
  return guest.view.getBigUint64(0x400 + 32, true);
}

describe('refused', () => {
  type Call = readonly [name: FunctionName, ...args: (number | bigint)[]];
  const CLOSED = 99;
  const cases: readonly { name: string; call: Call; errno: number }[] = [
    ...(
      [
        ['fd_advise', CLOSED, 0n, 0n, 0],
        ['fd_allocate', CLOSED, 0n, 1n],
        ['fd_close', CLOSED],
        ['fd_datasync', CLOSED],
        ['fd_fdstat_get', CLOSED, 0],
        ['fd_fdstat_set_flags', CLOSED, 0],
        ['fd_fdstat_set_rights', CLOSED, 0n, 0n],
        ['fd_filestat_get', CLOSED, 0],
        ['fd_filestat_set_size', CLOSED, 0n],
        ['fd_filestat_set_times', CLOSED, 0n, 0n, 0],
        ['fd_pread', CLOSED, 0, 0, 0n, 0],
        ['fd_prestat_get', CLOSED, 0],
        ['fd_prestat_dir_name', CLOSED, 0, 0],
        ['fd_pwrite', CLOSED, 0, 0, 0n, 0],
        ['fd_read', CLOSED, 0, 0, 0],
        ['fd_readdir', CLOSED, 0, 0, 0n, 0],
        ['fd_renumber', CLOSED, 3],
        ['fd_renumber', 3, CLOSED],
        ['fd_seek', CLOSED, 0n, 0, 0],
        ['fd_sync', CLOSED],
        ['fd_tell', CLOSED, 0],
        ['fd_write', CLOSED, 0, 0, 0],
        ['path_open', CLOSED, 0, 0, 0, 0, 0n, 0n, 0, 0],
        ['sock_accept', CLOSED, 0, 0],
        ['sock_recv', CLOSED, 0, 0, 0, 0, 0],
        ['sock_send', CLOSED, 0, 0, 0, 0],
        ['sock_shutdown', CLOSED, 3],
        ['fd_read', -1, 0, 0, 0],
        ['fd_close', 0x7fff_ffff],
      ] as const
    ).map((call) => ({ name: `${call[0]} of a descriptor that is not open`, call, errno: Errno.BADF })),
    { name: 'fd_read of a directory', call: ['fd_read', 3, 0, 0, 0], errno: Errno.ISDIR },
    { name: 'fd_write to a directory', call: ['fd_write', 3, 0, 0, 0], errno: Errno.ISDIR },
    { name: 'fd_seek in a directory', call: ['fd_seek', 3, 0n, 0, 0], errno: Errno.BADF },
    { name: 'fd_pread of a stream', call: ['fd_pread', 0, 0, 0, 0n, 0], errno: Errno.SPIPE },
    { name: 'fd_pwrite to a stream', call: ['fd_pwrite', 1, 0, 0, 0n, 0], errno: Errno.SPIPE },
    { name: 'fd_seek in a stream', call: ['fd_seek', 1, 0n, 0, 0], errno: Errno.SPIPE },
    { name: 'fd_tell of a stream', call: ['fd_tell', 1, 0], errno: Errno.SPIPE },
    { name: 'fd_sync of a stream', call: ['fd_sync', 1], errno: Errno.INVAL },
    { name: 'fd_readdir of a stream', call: ['fd_readdir', 1, 0, 0, 0n, 0], errno: Errno.NOTDIR },
    { name: 'path_open below a stream', call: ['path_open', 1, 0, 0, 1, 0, 0n, 0n, 0, 0], errno: Errno.NOTDIR },
    { name: 'sock_recv of a stream', call: ['sock_recv', 0, 0, 0, 0, 0, 0], errno: Errno.NOTSOCK },
    { name: 'sock_send to a file', call: ['sock_send', 4, 0, 0, 0, 0], errno: Errno.NOTSOCK },
    { name: 'sock_accept of a directory', call: ['sock_accept', 3, 0, 0], errno: Errno.NOTSOCK },
    { name: 'sock_shutdown of a file', call: ['sock_shutdown', 4, 3], errno: Errno.NOTSOCK },
    { name: 'fd_read of stdout', call: ['fd_read', 1, 0, 0, 0], errno: Errno.BADF },
    { name: 'fd_write to stdin', call: ['fd_write', 0, 0, 0, 0], errno: Errno.BADF },
    { name: 'a count that exceeds memory by 1', call: ['fd_read', 4, 0, 0, MEMORY - 3], errno: Errno.FAULT },
    { name: 'an array that exceeds memory by 1', call: ['fd_read', 4, MEMORY - 7, 1, 0], errno: Errno.FAULT },
    { name: 'an array far outside', call: ['fd_write', 4, -8, 1, 0], errno: Errno.FAULT },
    { name: '1,025 buffers', call: ['fd_read', 4, 0x1000, 1025, 0], errno: Errno.INVAL },
    { name: 'as many buffers as can be said', call: ['fd_write', 4, 0, -1, 0], errno: Errno.INVAL },
    { name: 'a position beyond 2^53', call: ['fd_pread', 4, 0, 0, 1n << 53n, 0], errno: Errno.INVAL },
    { name: 'a negative position', call: ['fd_pwrite', 4, 0, 0, -1n, 0], errno: Errno.INVAL },
    { name: 'fd_tell to outside of memory', call: ['fd_tell', 4, MEMORY - 7], errno: Errno.FAULT },
    { name: 'fd_seek to outside of memory', call: ['fd_seek', 4, 1n, 0, MEMORY - 7], errno: Errno.FAULT },
  ];

  test.for(cases)('$name', async ({ call: [name, ...args], errno }, { expect }) => {
    using it = await TreeGuest.start('memory');
    const { guest } = it;
    expect(guest.open('file', { oflags: CREATE, rights: READ | WRITE | SEEK | TELL })).toBe(4);
    guest.bytes.fill(0x3f);
    expect(await guest.wait(name, ...args)).toBe(errno);
    expect(guest.bytes.every((byte) => byte === 0x3f)).toBe(true);
  });

  test('one buffer outside of memory, and nothing is written to the others', async ({ expect }) => {
    using it = await TreeGuest.start('memory');
    const { guest } = it;
    const fd = await fileWith(guest, 'abcdef');
    guest.bytes.fill(0x3f);
    guest.vectors([1, 2], [MEMORY - 1, 2]);
    expect(await guest.wait('fd_read', fd, VECTOR, 2, 20)).toBe(Errno.FAULT);
    expect(guest.text(0, 64)).toBe('?'.repeat(64));
    expect(await guest.read(fd)).toBe('abcdef');
  });
});

describe('numbers of descriptors', () => {
  test('the lowest free one is given', async ({ expect }) => {
    using it = await TreeGuest.start('memory');
    const { guest } = it;
    const options = { oflags: CREATE, rights: READ };
    expect(['a', 'b', 'c'].map((name) => guest.open(name, options))).toEqual([4, 5, 6]);
    guest.call('fd_close', 5);
    guest.call('fd_close', 0);
    expect(['a', 'b', 'c'].map((name) => guest.open(name, options))).toEqual([0, 5, 7]);
  });

  test('fd_renumber moves a descriptor and closes what was there', async ({ expect }) => {
    using it = await TreeGuest.start('a host directory');
    const { guest } = it;
    const file = await fileWith(guest, 'abc');
    const other = guest.open('other', { oflags: CREATE, rights: WRITE });
    expect(guest.call('fd_renumber', file, other)).toBe(Errno.SUCCESS);
    expect(await guest.read(other)).toBe('abc');
    expect(guest.call('fd_close', file)).toBe(Errno.BADF);
    expect(guest.call('fd_renumber', other, other)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_renumber', other, 1)).toBe(Errno.SUCCESS);
    expect(guest.host.table.size).toBe(4);
  });

  test('a closed preopened directory is gone for the guest and can be replaced', async ({ expect }) => {
    using it = await TreeGuest.start('a host directory');
    const { guest } = it;
    guest.path('path_create_directory', 3, 'dir');
    const dir = guest.open('dir', { oflags: DIRECTORY });
    expect(guest.call('fd_renumber', dir, 3)).toBe(Errno.SUCCESS);
    expect(guest.call('fd_prestat_get', 3, 0)).toBe(Errno.BADF);
    expect(guest.open('dir')).toBe(-Errno.NOENT);
  });
});
