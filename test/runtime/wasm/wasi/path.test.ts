import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { TREES, TreeGuest } from './fs/trees.ts';
import { CREATE, DIRECTORY, EXCLUSIVE, READ, RESULT, type TestGuest, TRUNCATE, WRITE } from './guest.ts';

const MEMORY = 4 * 65536;
const FOLLOW = 1;

async function make(guest: TestGuest, name: string, text = ''): Promise<void> {
  const fd = guest.open(name, { oflags: CREATE, rights: WRITE });
  if (text !== '') await guest.write(fd, text);
  guest.call('fd_close', fd);
}

async function textOf(guest: TestGuest, name: string): Promise<string | number> {
  const fd = guest.open(name);
  if (fd < 0) return fd;
  const text = await guest.read(fd);
  guest.call('fd_close', fd);
  return text;
}

/** file 'text', dir/ with file 'deep', empty/, links to file, to dir, to nothing, and to each other. */
async function plant(guest: TestGuest): Promise<void> {
  await make(guest, 'file', 'text');
  guest.path('path_create_directory', 3, 'dir');
  guest.path('path_create_directory', 3, 'empty');
  await make(guest, 'dir/file', 'deep');
  for (const [target, link] of [
    ['file', 'to-file'],
    ['dir', 'to-dir'],
    ['new', 'to-nothing'],
    ['loop-b', 'loop-a'],
    ['loop-a', 'loop-b'],
  ] as const) {
    guest.path('path_symlink', target, 3, link);
  }
}

function exists(guest: TestGuest, name: string): boolean {
  return guest.path('path_filestat_get', 3, 0, name, 0x400) === Errno.SUCCESS;
}

describe.each(TREES)('paths in %s', (tree) => {
  describe('path_open', () => {
    interface Case {
      readonly name: string;
      readonly path: string;
      readonly oflags?: number;
      readonly rights?: bigint;
      readonly follow?: boolean;
      readonly fdflags?: number;
      readonly errno: number;
    }

    test.for<Case>([
      { name: 'a file', path: 'file', errno: 0 },
      { name: 'a file below', path: 'dir/file', errno: 0 },
      { name: 'with dots and slashes', path: './/dir/.././dir//file', errno: 0 },
      { name: 'a directory', path: 'dir', oflags: DIRECTORY, errno: 0 },
      { name: 'a directory without saying so', path: 'dir', errno: 0 },
      { name: 'a directory with a slash', path: 'dir/', errno: 0 },
      { name: 'the directory itself', path: '.', oflags: DIRECTORY, errno: 0 },
      { name: 'back to the start', path: 'dir/..', oflags: DIRECTORY, errno: 0 },
      { name: 'through a link', path: 'to-file', errno: 0 },
      { name: 'through a link to a directory', path: 'to-dir/file', errno: 0 },
      { name: 'a link to a directory, as one', path: 'to-dir', oflags: DIRECTORY, errno: 0 },
      { name: 'a link to a directory with a slash, not followed', path: 'to-dir/', follow: false, errno: 0 },
      { name: 'a link that is not followed', path: 'to-file', follow: false, errno: Errno.LOOP },
      { name: 'a link in the middle is followed in any case', path: 'to-dir/file', follow: false, errno: 0 },
      { name: 'links in a circle', path: 'loop-a', errno: Errno.LOOP },
      { name: 'links in a circle below', path: 'loop-a/x', errno: Errno.LOOP },
      { name: 'a link to nothing', path: 'to-nothing', errno: Errno.NOENT },
      { name: 'create through a link to nothing', path: 'to-nothing', oflags: CREATE, rights: WRITE, errno: 0 },
      {
        name: 'create exclusively where a link is',
        path: 'to-nothing',
        oflags: CREATE | EXCLUSIVE,
        rights: WRITE,
        errno: Errno.EXIST,
      },
      { name: 'nothing', path: 'none', errno: Errno.NOENT },
      { name: 'create', path: 'none', oflags: CREATE, rights: WRITE, errno: 0 },
      { name: 'create to read', path: 'none', oflags: CREATE, errno: 0 },
      { name: 'create below', path: 'empty/none', oflags: CREATE, rights: WRITE, errno: 0 },
      { name: 'create below nothing', path: 'none/x', oflags: CREATE, rights: WRITE, errno: Errno.NOENT },
      { name: 'create what is there', path: 'file', oflags: CREATE, rights: WRITE, errno: 0 },
      { name: 'create exclusively', path: 'none', oflags: CREATE | EXCLUSIVE, rights: WRITE, errno: 0 },
      {
        name: 'create exclusively what is there',
        path: 'file',
        oflags: CREATE | EXCLUSIVE,
        rights: WRITE,
        errno: Errno.EXIST,
      },
      {
        name: 'create exclusively where a directory is',
        path: 'dir',
        oflags: CREATE | EXCLUSIVE,
        rights: WRITE,
        errno: Errno.EXIST,
      },
      { name: 'create with a slash', path: 'none/', oflags: CREATE, rights: WRITE, errno: Errno.ISDIR },
      { name: 'create a directory', path: 'none', oflags: CREATE | DIRECTORY, errno: Errno.INVAL },
      { name: 'a file as a directory', path: 'file', oflags: DIRECTORY, errno: Errno.NOTDIR },
      { name: 'a file with a slash', path: 'file/', errno: Errno.NOTDIR },
      { name: 'below a file', path: 'file/x', errno: Errno.NOTDIR },
      { name: 'a directory for writing', path: 'dir', rights: WRITE, errno: Errno.ISDIR },
      { name: 'a directory to cut', path: 'dir', oflags: TRUNCATE, errno: Errno.ISDIR },
      { name: 'unknown oflags', path: 'file', oflags: 16, errno: Errno.INVAL },
      { name: 'unknown fdflags', path: 'file', fdflags: 32, errno: Errno.INVAL },
      { name: 'every write to the disk', path: 'file', rights: WRITE, fdflags: 16, errno: 0 },
    ])('$name', async ({ path, errno, ...options }, { expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      const before = guest.host.table.size;
      const fd = guest.open(path, options);
      if (errno === 0) expect(fd).toBeGreaterThan(3);
      else expect(fd).toBe(-errno);
      expect(guest.host.table.size).toBe(before + (errno === 0 ? 1 : 0));
    });

    test('TRUNCATE empties a file, whatever it is opened for', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      expect(guest.open('file', { oflags: TRUNCATE, rights: WRITE })).toBeGreaterThan(3);
      expect(guest.open('dir/file', { oflags: TRUNCATE, rights: READ })).toBeGreaterThan(3);
      expect([await textOf(guest, 'file'), await textOf(guest, 'dir/file')]).toEqual(['', '']);
    });

    test('an opened directory is a start of its own', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      const dir = guest.open('dir', { oflags: DIRECTORY });
      const fd = guest.open('file', { dir });
      expect(await guest.read(fd)).toBe('deep');
      expect(guest.open('../file', { dir })).toBe(-Errno.NOTCAPABLE);
      // It is held by what it is and not by its name.
      expect(guest.path('path_rename', 3, 'dir', 3, 'moved')).toBe(Errno.SUCCESS);
      expect(guest.open('file', { dir })).toBeGreaterThan(3);
    });

    test('nothing is made or cut for a descriptor that there is no room for', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      let opened = 0;
      while (guest.open('empty', { oflags: DIRECTORY }) > 0) opened++;
      expect(opened).toBe(4096 - 4);
      expect(guest.open('file', { oflags: TRUNCATE, rights: WRITE })).toBe(-Errno.MFILE);
      expect(guest.open('none', { oflags: CREATE, rights: WRITE })).toBe(-Errno.MFILE);
      guest.call('fd_close', 100);
      expect(await textOf(guest, 'file')).toBe('text');
      expect(exists(guest, 'none')).toBe(false);
      guest.host.table.closeAll();
    });

    test('FAULT before anything is made: the result is outside of memory', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      const errno = guest.path('path_open', 3, 0, 'new', CREATE, WRITE, 0n, 0, MEMORY - 3);
      expect(errno).toBe(Errno.FAULT);
      expect(exists(guest, 'new')).toBe(false);
    });
  });

  describe('directories are made and removed', () => {
    test.for([
      { name: 'a new one', path: 'new', errno: 0 },
      { name: 'with a slash', path: 'new//', errno: 0 },
      { name: 'below', path: 'dir/new', errno: 0 },
      { name: 'one that is there', path: 'dir', errno: Errno.EXIST },
      { name: 'where a file is', path: 'file', errno: Errno.EXIST },
      { name: 'where a link is', path: 'to-nothing', errno: Errno.EXIST },
      { name: 'itself', path: '.', errno: Errno.EXIST },
      { name: 'below nothing', path: 'none/new', errno: Errno.NOENT },
      { name: 'below a file', path: 'file/new', errno: Errno.NOTDIR },
      { name: 'through a link', path: 'to-dir/new', errno: 0 },
    ])('path_create_directory: $name', async ({ path, errno }, { expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      expect(guest.path('path_create_directory', 3, path)).toBe(errno);
      if (errno === 0) expect(exists(guest, `${path}/`)).toBe(true);
    });

    test.for([
      { name: 'an empty one', path: 'empty', errno: 0 },
      { name: 'with a slash', path: 'empty/', errno: 0 },
      { name: 'one with entries', path: 'dir', errno: Errno.NOTEMPTY },
      { name: 'a file', path: 'file', errno: Errno.NOTDIR },
      { name: 'a link to one', path: 'to-dir', errno: Errno.NOTDIR },
      { name: 'a link to one, with a slash', path: 'to-dir/', errno: Errno.NOTDIR },
      { name: 'itself', path: '.', errno: Errno.INVAL },
      { name: 'nothing', path: 'none', errno: Errno.NOENT },
    ])('path_remove_directory: $name', async ({ path, errno }, { expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      expect(guest.path('path_remove_directory', 3, path)).toBe(errno);
      expect(exists(guest, 'dir/file')).toBe(true);
      expect(exists(guest, 'empty')).toBe(errno !== 0);
    });

    test('nothing can be made in a directory that was removed while it was open', async ({ expect }) => {
      using it = await TreeGuest.start(tree);
      const { guest } = it;
      await plant(guest);
      const dir = guest.open('empty', { oflags: DIRECTORY });
      expect(guest.path('path_remove_directory', 3, 'empty')).toBe(0);
      expect(guest.open('x', { dir, oflags: CREATE, rights: WRITE })).toBe(-Errno.NOENT);
      expect(guest.path('path_create_directory', dir, 'x')).toBe(Errno.NOENT);
      expect(guest.path('path_symlink', 'a', dir, 'x')).toBe(Errno.NOENT);
      expect(guest.path('path_link', 3, 0, 'file', dir, 'x')).toBe(Errno.NOENT);
      expect(guest.path('path_rename', 3, 'file', dir, 'x')).toBe(Errno.NOENT);
      expect(await textOf(guest, 'file')).toBe('text');
    });
  });

  test.for([
    { name: 'a file', path: 'file', errno: 0 },
    { name: 'a link and not its target', path: 'to-file', errno: 0 },
    { name: 'a link to a directory', path: 'to-dir', errno: 0 },
    { name: 'a directory', path: 'dir', errno: Errno.ISDIR },
    { name: 'a directory with a slash', path: 'dir/', errno: Errno.ISDIR },
    { name: 'a file with a slash', path: 'file/', errno: Errno.NOTDIR },
    { name: 'a link with a slash', path: 'to-dir/', errno: Errno.NOTDIR },
    { name: 'itself', path: '.', errno: Errno.ISDIR },
    { name: 'nothing', path: 'none', errno: Errno.NOENT },
  ])('path_unlink_file: $name', async ({ path, errno }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    expect(guest.path('path_unlink_file', 3, path)).toBe(errno);
    expect(exists(guest, 'dir/file')).toBe(true);
    expect(exists(guest, 'file')).toBe(!(errno === 0 && path === 'file'));
    if (errno === 0) expect(exists(guest, path)).toBe(false);
  });

  test.for([
    { name: 'a file', from: 'file', to: 'new', errno: 0 },
    { name: 'a file into a directory', from: 'file', to: 'dir/new', errno: 0 },
    { name: 'a file over another', from: 'file', to: 'dir/file', errno: 0 },
    { name: 'a directory', from: 'dir', to: 'new', errno: 0 },
    { name: 'a directory, with slashes', from: 'dir/', to: 'new/', errno: 0 },
    { name: 'a directory over an empty one', from: 'dir', to: 'empty', errno: 0 },
    { name: 'a directory over a full one', from: 'empty', to: 'dir', errno: Errno.NOTEMPTY },
    { name: 'a directory over a file', from: 'dir', to: 'file', errno: Errno.NOTDIR },
    { name: 'a file over a directory', from: 'file', to: 'empty', errno: Errno.ISDIR },
    { name: 'a directory into itself', from: 'dir', to: 'dir/new', errno: Errno.INVAL },
    { name: 'onto itself', from: 'file', to: 'file', errno: 0 },
    { name: 'a link and not its target', from: 'to-file', to: 'new', errno: 0 },
    { name: 'over a link and not its target', from: 'dir/file', to: 'to-file', errno: 0 },
    { name: 'a file, with a slash behind the new name', from: 'file', to: 'new/', errno: Errno.NOTDIR },
    { name: 'a file, with a slash', from: 'file/', to: 'new', errno: Errno.NOTDIR },
    { name: 'a link, with a slash', from: 'to-dir/', to: 'new', errno: Errno.NOTDIR },
    { name: 'the directory itself', from: '.', to: 'new', errno: Errno.BUSY },
    { name: 'over the directory itself', from: 'dir', to: '.', errno: Errno.BUSY },
    { name: 'nothing', from: 'none', to: 'new', errno: Errno.NOENT },
    { name: 'into nothing', from: 'file', to: 'none/new', errno: Errno.NOENT },
  ])('path_rename: $name', async ({ from, to, errno }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    const before = await textOf(guest, from);
    expect(guest.path('path_rename', 3, from, 3, to)).toBe(errno);
    if (errno === 0) {
      expect(exists(guest, from.replace(/\/$/, ''))).toBe(from === to);
      expect(await textOf(guest, to)).toEqual(before);
    } else {
      expect(await textOf(guest, 'file')).toBe('text');
      expect(await textOf(guest, 'dir/file')).toBe('deep');
      expect(exists(guest, 'empty')).toBe(true);
    }
  });

  test.for([
    { name: 'a file', from: 'file', to: 'new', flags: 0, errno: 0 },
    { name: 'a file below', from: 'dir/file', to: 'empty/new', flags: 0, errno: 0 },
    { name: 'a link, followed', from: 'to-file', to: 'new', flags: FOLLOW, errno: 0 },
    { name: 'what a link does not lead to', from: 'to-nothing', to: 'new', flags: FOLLOW, errno: Errno.NOENT },
    { name: 'a directory', from: 'dir', to: 'new', flags: 0, errno: Errno.PERM },
    { name: 'to what is there', from: 'file', to: 'dir/file', flags: 0, errno: Errno.EXIST },
    { name: 'to a directory', from: 'file', to: 'dir', flags: 0, errno: Errno.EXIST },
    { name: 'to itself', from: 'file', to: 'file', flags: 0, errno: Errno.EXIST },
    { name: 'to a name with a slash', from: 'file', to: 'new/', flags: 0, errno: Errno.NOENT },
    { name: 'a file with a slash', from: 'file/', to: 'new', flags: 0, errno: Errno.NOTDIR },
    { name: 'nothing', from: 'none', to: 'new', flags: 0, errno: Errno.NOENT },
  ])('path_link: $name', async ({ from, to, flags, errno }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    const before = await textOf(guest, from);
    expect(guest.path('path_link', 3, flags, from, 3, to)).toBe(errno);
    if (errno !== 0) return;
    expect(await textOf(guest, to)).toBe(before);
    const fd = guest.open(to, { rights: WRITE });
    await guest.write(fd, 'BOTH');
    expect(await textOf(guest, from)).toBe('BOTH');
  });

  test('path_link of a link that is not followed names the link twice', async ({ expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    expect(guest.path('path_link', 3, 0, 'to-nothing', 3, 'new-link')).toBe(0);
    guest.path('path_filestat_get', 3, 0, 'new-link', 0x400);
    expect(guest.view.getUint8(0x410)).toBe(7);
  });

  test.for([
    { name: 'a text that leads nowhere', target: 'no/such/../thing', link: 'new', errno: 0 },
    { name: 'where something is', target: 'x', link: 'file', errno: Errno.EXIST },
    { name: 'where a directory is', target: 'x', link: 'dir', errno: Errno.EXIST },
    { name: 'a name with a slash', target: 'x', link: 'new/', errno: Errno.NOENT },
    { name: 'an empty text', target: '', link: 'new', errno: Errno.NOENT },
    { name: 'an absolute text', target: '/etc', link: 'new', errno: Errno.NOTCAPABLE },
    { name: 'itself', target: 'x', link: '.', errno: Errno.EXIST },
  ])('path_symlink: $name', async ({ target, link, errno }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    expect(guest.path('path_symlink', target, 3, link)).toBe(errno);
    if (errno !== 0) return;
    guest.bytes.fill(0x3f, 0, 64);
    expect(guest.path('path_readlink', 3, link, 1, 32, 40)).toBe(0);
    expect(guest.text(0, 24)).toBe(`?${target}???????`);
    expect(guest.view.getUint32(40, true)).toBe(target.length);
  });

  test.for([
    { name: 'a buffer that is too short: cut, without a NUL', path: 'to-file', length: 2, errno: 0, text: '?fi??' },
    { name: 'no buffer', path: 'to-file', length: 0, errno: 0, text: '?????' },
    { name: 'a file', path: 'file', length: 8, errno: Errno.INVAL, text: '?????' },
    { name: 'a directory', path: 'dir', length: 8, errno: Errno.INVAL, text: '?????' },
    { name: 'itself', path: '.', length: 8, errno: Errno.INVAL, text: '?????' },
    { name: 'nothing', path: 'none', length: 8, errno: Errno.NOENT, text: '?????' },
  ])('path_readlink: $name', async ({ path, length, errno, text }, { expect }) => {
    using it = await TreeGuest.start(tree);
    const { guest } = it;
    await plant(guest);
    guest.bytes.fill(0x3f, 0, 64);
    expect(guest.path('path_readlink', 3, path, 1, length, RESULT)).toBe(errno);
    expect(guest.text(0, 5)).toBe(text);
    expect(guest.path('path_readlink', 3, 'to-file', MEMORY - 3, 4, RESULT)).toBe(Errno.FAULT);
    expect(guest.path('path_readlink', 3, 'to-file', 0, 4, MEMORY - 3)).toBe(Errno.FAULT);
  });
});
