import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'vitest';
import { Errno } from '../../../../../src/runtime/wasm/wasi/errno.ts';
import { CREATE, DIRECTORY, EXCLUSIVE, READ, TRUNCATE, WRITE, type TestGuest } from '../guest.ts';
import { HostVolume, openDescriptors } from './volume.ts';

/** What somebody else who can write the volume has put there: a container as root, with relative and absolute links. */
function plant({ inside, outside }: HostVolume): void {
  fs.mkdirSync(path.join(inside, 'dir/deep'), { recursive: true });
  fs.writeFileSync(path.join(inside, 'file'), 'file');
  fs.writeFileSync(path.join(inside, 'dir/file'), 'deep file');
  fs.symlinkSync('../outside', path.join(inside, 'to-dir'));
  fs.symlinkSync(outside, path.join(inside, 'to-dir-absolute'));
  fs.symlinkSync('../outside/secret', path.join(inside, 'to-file'));
  fs.symlinkSync(path.join(outside, 'secret'), path.join(inside, 'to-file-absolute'));
  fs.symlinkSync('../outside/new', path.join(inside, 'to-nothing'));
  fs.symlinkSync('to-dir', path.join(inside, 'chain'));
  fs.symlinkSync('dir/deep/../../../outside', path.join(inside, 'dots'));
  fs.symlinkSync('..', path.join(inside, 'up'));
  fs.symlinkSync('.', path.join(inside, 'self'));
  fs.symlinkSync('/proc/self/root', path.join(inside, 'proc'));
  fs.symlinkSync('dir/', path.join(inside, 'slashed'));
  fs.symlinkSync('loop-b', path.join(inside, 'loop-a'));
  fs.symlinkSync('loop-a', path.join(inside, 'loop-b'));
  fs.symlinkSync('dir/file', path.join(inside, 'fine'));
  fs.symlinkSync('dir/../dir/./deep/../file', path.join(inside, 'fine-dots'));
}

const OUT = Errno.NOTCAPABLE;

/** Paths that lead out, however they are spelled. */
const ESCAPES: readonly { path: string; errno: number }[] = [
  { path: '..', errno: OUT },
  { path: '../outside/secret', errno: OUT },
  { path: './../outside/secret', errno: OUT },
  { path: 'dir/../../outside/secret', errno: OUT },
  { path: 'dir/deep/../../../outside/secret', errno: OUT },
  { path: '../inside/file', errno: OUT },
  { path: '/etc/passwd', errno: OUT },
  { path: '//etc/passwd', errno: OUT },
  { path: '/', errno: OUT },
  { path: 'to-dir/secret', errno: OUT },
  { path: 'to-dir/../inside/file', errno: OUT },
  { path: 'to-dir-absolute/secret', errno: OUT },
  { path: 'chain/secret', errno: OUT },
  { path: 'dots/secret', errno: OUT },
  { path: 'up/outside/secret', errno: OUT },
  { path: 'up/inside/file', errno: OUT },
  { path: 'self/up/outside/secret', errno: OUT },
  { path: 'self/self/../outside/secret', errno: OUT },
  { path: 'dir/../self/../outside', errno: OUT },
  { path: 'proc/etc/passwd', errno: OUT },
  { path: 'loop-a/x', errno: Errno.LOOP },
  { path: 'to-dir//', errno: OUT },
  { path: 'to-dir/.', errno: OUT },
  { path: 'to-file/', errno: OUT },
  { path: 'up/', errno: OUT },
];

/** The same, of which the last component is a link: they lead out only when that is followed. */
const LINKS_OUT = ['to-dir', 'to-dir-absolute', 'to-file', 'to-file-absolute', 'to-nothing', 'chain', 'dots', 'up'];

describe('no call leaves the volume', () => {
  const CALLS: Record<string, (guest: TestGuest, path: string) => number> = {
    open: (guest, at) => guest.open(at),
    'open for writing': (guest, at) => guest.open(at, { rights: READ | WRITE }),
    'open as a directory': (guest, at) => guest.open(at, { oflags: DIRECTORY }),
    create: (guest, at) => guest.open(at, { oflags: CREATE, rights: WRITE }),
    'create exclusively': (guest, at) => guest.open(at, { oflags: CREATE | EXCLUSIVE, rights: WRITE }),
    truncate: (guest, at) => guest.open(at, { oflags: TRUNCATE, rights: WRITE }),
    stat: (guest, at) => -guest.path('path_filestat_get', 3, 1, at, 0),
    'set times': (guest, at) => -guest.path('path_filestat_set_times', 3, 1, at, 1n, 1n, 5),
    'rename from': (guest, at) => -guest.path('path_rename', 3, at, 3, 'stolen'),
    'rename to': (guest, at) => -guest.path('path_rename', 3, 'file', 3, at),
    'link from': (guest, at) => -guest.path('path_link', 3, 1, at, 3, 'stolen'),
    'link to': (guest, at) => -guest.path('path_link', 3, 0, 'file', 3, at),
    'make a directory': (guest, at) => -guest.path('path_create_directory', 3, at),
    'remove a directory': (guest, at) => -guest.path('path_remove_directory', 3, at),
    unlink: (guest, at) => -guest.path('path_unlink_file', 3, at),
    'make a link': (guest, at) => -guest.path('path_symlink', 'x', 3, at),
    'read a link': (guest, at) => -guest.path('path_readlink', 3, at, 0, 64, 128),
  };

  test.for(Object.keys(CALLS))('%s', async (call, { expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const before = volume.outsideState();
    const guest = await volume.guest();
    const descriptors = openDescriptors();
    for (const { path: at, errno } of ESCAPES) {
      const result = CALLS[call]?.(guest, at);
      // A call that does not follow may stop earlier, for what the link itself is; it never succeeds.
      const stopsAtLink = /^(to-dir|to-file|up)\/+\.?$/.test(at)
        ? [-Errno.NOTDIR, -Errno.INVAL, -Errno.ISDIR, -Errno.EXIST]
        : [];
      expect([-errno, ...stopsAtLink], `${call} ${at}`).toContain(result);
    }
    for (const at of LINKS_OUT) {
      const result = CALLS[call]?.(guest, at) ?? 0;
      const actsOnLink = ['rename from', 'rename to', 'unlink', 'read a link'].includes(call);
      if (!actsOnLink) expect(result, `${call} ${at}`).toBeLessThan(0);
    }
    expect(openDescriptors()).toBe(descriptors);
    expect(volume.outsideState()).toBe(before);
  });

  test('links that stay inside are followed', async ({ expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const guest = await volume.guest();
    for (const at of ['fine', 'fine-dots', 'self/dir/file', 'slashed/file', 'self/self/self/dir/../dir/file']) {
      const fd = guest.open(at);
      expect(fd, at).toBeGreaterThan(3);
      expect(await guest.read(fd), at).toBe('deep file');
    }
  });
});

describe('a guest that is alone with its volume cannot get out', () => {
  test('by links and ".." made by itself', async ({ expect }) => {
    using volume = new HostVolume();
    const before = volume.outsideState();
    const guest = await volume.guest();
    expect(guest.path('path_symlink', '.', 3, 'x')).toBe(Errno.SUCCESS);
    expect(guest.path('path_create_directory', 3, 'y')).toBe(Errno.SUCCESS);
    for (const [link, target] of [
      ['esc1', 'x/y/../..'],
      ['esc2', 'x/../outside'],
      ['esc3', 'x/x/x/../../../..'],
      ['esc4', 'y/../../outside'],
    ] as const) {
      expect(guest.path('path_symlink', target, 3, link)).toBe(Errno.SUCCESS);
      for (const at of [link, `${link}/`, `${link}/secret`, `${link}/outside/secret`, `y/../${link}/secret`]) {
        expect(guest.open(at), at).toBeLessThan(0);
        expect(guest.open(at, { oflags: CREATE, rights: WRITE }), at).toBeLessThan(0);
        expect(guest.path('path_create_directory', 3, `${at}/new`), at).not.toBe(Errno.SUCCESS);
        expect(guest.path('path_filestat_get', 3, 1, at, 0), at).not.toBe(Errno.SUCCESS);
      }
    }
    expect(volume.outsideState()).toBe(before);
  });

  test.for([
    { name: 'an absolute target', target: '/etc', errno: Errno.NOTCAPABLE },
    { name: 'an empty target', target: '', errno: Errno.NOENT },
    { name: 'a target with a NUL', target: 'a\0b', errno: Errno.ILSEQ },
    { name: 'a target of 5,000 bytes', target: 'a'.repeat(5000), errno: Errno.NAMETOOLONG },
  ])('a link with $name is refused', async ({ target, errno }, { expect }) => {
    using volume = new HostVolume();
    const guest = await volume.guest();
    expect(guest.path('path_symlink', target, 3, 'link')).toBe(errno);
    expect(fs.readdirSync(volume.inside)).toEqual([]);
  });

  test('a directory opened below does not lead above itself', async ({ expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const guest = await volume.guest();
    const dir = guest.open('dir', { oflags: DIRECTORY });
    expect(guest.open('../file', { dir })).toBe(-Errno.NOTCAPABLE);
    expect(guest.open('..', { dir })).toBe(-Errno.NOTCAPABLE);
    expect(guest.open('deep/../file', { dir })).toBeGreaterThan(0);
  });
});

test.for([
  { name: 'a NUL inside', path: 'file\0x', errno: Errno.ILSEQ },
  { name: 'a NUL at the end', path: 'file\0', errno: Errno.ILSEQ },
  { name: 'an empty path', path: '', errno: Errno.NOENT },
  { name: 'a name of 256 bytes', path: 'a'.repeat(256), errno: Errno.NAMETOOLONG },
  { name: 'a path of 5,000 bytes', path: 'a/'.repeat(2500), errno: Errno.NAMETOOLONG },
  { name: 'a link to itself', path: 'loop-a', errno: Errno.LOOP },
  { name: 'a file as a directory', path: 'file/x', errno: Errno.NOTDIR },
  { name: 'a file with a slash', path: 'file/', errno: Errno.NOTDIR },
  { name: 'a file with a dot', path: 'file/.', errno: Errno.NOTDIR },
])('odd path: $name', async ({ path: at, errno }, { expect }) => {
  using volume = new HostVolume();
  plant(volume);
  const guest = await volume.guest();
  expect(guest.open(at)).toBe(-errno);
});

test('a path that is not UTF-8 is refused', async ({ expect }) => {
  using volume = new HostVolume();
  const guest = await volume.guest();
  guest.bytes.set([0xff, 0xfe], 0);
  expect(guest.call('path_create_directory', 3, 0, 2)).toBe(Errno.ILSEQ);
  expect(fs.readdirSync(volume.inside)).toEqual([]);
});

test('41 links are too many, 40 are not', async ({ expect }) => {
  using volume = new HostVolume();
  fs.writeFileSync(path.join(volume.inside, 'l0'), '');
  for (let i = 1; i <= 41; i++) fs.symlinkSync(`l${i - 1}`, path.join(volume.inside, `l${i}`));
  const guest = await volume.guest();
  expect(guest.open('l40')).toBeGreaterThan(0);
  expect(guest.open('l41')).toBe(-Errno.LOOP);
});

describe('what is no file and no directory is refused at once', () => {
  test('FIFOs', async ({ expect }) => {
    using volume = new HostVolume();
    execFileSync('mkfifo', [path.join(volume.inside, 'fifo')]);
    const guest = await volume.guest();
    for (const rights of [READ, WRITE, READ | WRITE]) {
      expect(guest.open('fifo', { rights })).toBe(-Errno.NOTCAPABLE);
      expect(guest.open('fifo', { rights, oflags: CREATE })).toBe(-Errno.NOTCAPABLE);
    }
    expect(guest.open('fifo', { rights: WRITE, oflags: TRUNCATE })).toBe(-Errno.NOTCAPABLE);
  });

  test('sockets', async ({ expect }) => {
    using volume = new HostVolume();
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(path.join(volume.inside, 'engine.sock'), resolve));
    const guest = await volume.guest();
    expect(guest.open('engine.sock', { rights: READ | WRITE })).toBe(-Errno.NOTCAPABLE);
    await new Promise((resolve) => server.close(resolve));
  });

  test('devices', async ({ expect, skip }) => {
    using volume = new HostVolume();
    try {
      execFileSync('mknod', [path.join(volume.inside, 'null'), 'c', '1', '3'], { stdio: 'ignore' });
    } catch {
      skip('only root can make a device');
    }
    const guest = await volume.guest();
    expect(guest.open('null', { rights: READ })).toBe(-Errno.NOTCAPABLE);
    expect(guest.open('null', { rights: WRITE, oflags: CREATE })).toBe(-Errno.NOTCAPABLE);
  });
});

describe('a read-only volume', () => {
  const CHANGES: Record<string, (guest: TestGuest) => number> = {
    'open for writing': (guest) => guest.open('file', { rights: WRITE }),
    truncate: (guest) => guest.open('file', { oflags: TRUNCATE }),
    create: (guest) => guest.open('new', { oflags: CREATE }),
    'set times by path': (guest) => -guest.path('path_filestat_set_times', 3, 1, 'file', 1n, 1n, 5),
    'set times of the root': (guest) => -guest.path('path_filestat_set_times', 3, 1, '.', 1n, 1n, 5),
    'set times by descriptor of the root': (guest) => -guest.call('fd_filestat_set_times', 3, 1n, 1n, 5),
    rename: (guest) => -guest.path('path_rename', 3, 'file', 3, 'new'),
    link: (guest) => -guest.path('path_link', 3, 0, 'file', 3, 'new'),
    'make a directory': (guest) => -guest.path('path_create_directory', 3, 'new'),
    'remove a directory': (guest) => -guest.path('path_remove_directory', 3, 'dir/deep'),
    unlink: (guest) => -guest.path('path_unlink_file', 3, 'file'),
    'make a link': (guest) => -guest.path('path_symlink', 'x', 3, 'new'),
  };

  test.for(Object.keys(CHANGES))('ROFS: %s', async (change, { expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const guest = await volume.guest(true);
    expect(CHANGES[change]?.(guest)).toBe(-Errno.ROFS);
    expect(fs.readFileSync(path.join(volume.inside, 'file'), 'utf8')).toBe('file');
    expect(fs.existsSync(path.join(volume.inside, 'new'))).toBe(false);
  });

  test('a file open for reading changes by no call', async ({ expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const guest = await volume.guest(true);
    const fd = guest.open('file', { oflags: CREATE });
    expect(fd).toBeGreaterThan(0);
    const before = fs.statSync(path.join(volume.inside, 'file')).mtimeMs;
    expect(await guest.write(fd, 'x')).toBe(-Errno.BADF);
    expect(guest.call('fd_filestat_set_size', fd, 0n)).toBe(Errno.INVAL);
    expect(guest.call('fd_allocate', fd, 0n, 100n)).toBe(Errno.NOTCAPABLE);
    expect(guest.call('fd_filestat_set_times', fd, 1n, 1n, 5)).toBe(Errno.NOTCAPABLE);
    expect(fs.statSync(path.join(volume.inside, 'file')).mtimeMs).toBe(before);
    expect(await guest.read(fd)).toBe('file');
  });

  test('says what exists before it says that it is read-only', async ({ expect }) => {
    using volume = new HostVolume();
    plant(volume);
    const guest = await volume.guest(true);
    expect(guest.path('path_create_directory', 3, 'dir')).toBe(Errno.EXIST);
    expect(guest.open('file', { oflags: CREATE | EXCLUSIVE })).toBe(-Errno.EXIST);
    expect(guest.open('dir', { rights: WRITE })).toBe(-Errno.ISDIR);
    expect(guest.open('none', { rights: WRITE })).toBe(-Errno.NOENT);
  });
});
