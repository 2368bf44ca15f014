import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'vitest';
import { Errno } from '../../../../../src/runtime/wasm/wasi/errno.ts';
import { systemFiles } from '../../../../../src/runtime/wasm/wasi/fs/etc.ts';
import { buildRoot, type MountSource } from '../../../../../src/runtime/wasm/wasi/fs/root.ts';
import { CREATE, READ, RESULT, TestGuest, TRUNCATE, WRITE } from '../guest.ts';
import { HostVolume, openDescriptors } from './volume.ts';

const nowNs = () => 1_000_000_000n;

function guestOf(sources: readonly MountSource[], writableBytes?: number): Promise<TestGuest> {
  return TestGuest.start({ mounts: [buildRoot(sources, { nowNs, writableBytes })] });
}

const host = (guestPath: string, hostPath: string, readOnly = false): MountSource => ({
  kind: 'host',
  guestPath,
  hostPath,
  readOnly,
});
const file = (guestPath: string, text: string): MountSource => ({
  kind: 'file',
  guestPath,
  contents: Buffer.from(text),
});

async function textOf(guest: TestGuest, name: string): Promise<string | number> {
  const fd = guest.open(name);
  return fd < 0 ? fd : guest.read(fd);
}

function namesIn(guest: TestGuest, name: string): readonly string[] {
  const fd = guest.open(name);
  const errno = guest.call('fd_readdir', fd, 0, 4096, 0n, RESULT);
  if (errno !== Errno.SUCCESS) throw new Error(`errno ${errno}`);
  const names: string[] = [];
  for (let at = 0; at < guest.view.getUint32(RESULT, true);) {
    const size = guest.view.getUint32(at + 16, true);
    names.push(Buffer.from(guest.bytes.slice(at + 24, at + 24 + size)).toString());
    at += 24 + size;
  }
  return names.filter((it) => it !== '.' && it !== '..').toSorted();
}

describe('one tree with every mount at its path', () => {
  test('shows mounts and the directories on the way to them', async ({ expect }) => {
    using volume = new HostVolume();
    fs.writeFileSync(path.join(volume.inside, 'data'), 'data');
    const guest = await guestOf([
      host('/srv/data', volume.inside),
      { kind: 'memory', guestPath: '/tmp' },
      file('/run/secrets/key', 'secret'),
      file('/etc/app.conf', 'conf'),
    ]);
    expect(namesIn(guest, '.')).toEqual(['etc', 'run', 'srv', 'tmp']);
    expect(namesIn(guest, 'srv')).toEqual(['data']);
    expect(await textOf(guest, 'srv/data/data')).toBe('data');
    expect(await textOf(guest, 'run/secrets/key')).toBe('secret');
    // '..' crosses mounts, as in a container.
    expect(await textOf(guest, 'srv/data/../../etc/app.conf')).toBe('conf');
  });

  test('is read-only where nothing is mounted, unless room is given', async ({ expect }) => {
    const closed = await guestOf([{ kind: 'memory', guestPath: '/tmp' }]);
    expect(closed.open('new', { oflags: CREATE, rights: WRITE })).toBe(-Errno.ROFS);
    expect(closed.path('path_create_directory', 3, 'tmp')).toBe(Errno.EXIST);
    expect(closed.open('tmp/new', { oflags: CREATE, rights: WRITE })).toBeGreaterThan(3);
    const open = await guestOf([{ kind: 'memory', guestPath: '/tmp' }], 4096);
    expect(open.open('new', { oflags: CREATE, rights: WRITE })).toBeGreaterThan(3);
  });

  test('a mount inside another hides only its own name', async ({ expect }) => {
    using volume = new HostVolume();
    fs.mkdirSync(path.join(volume.inside, 'a/b'), { recursive: true });
    fs.writeFileSync(path.join(volume.inside, 'a/file'), 'below');
    fs.writeFileSync(path.join(volume.inside, 'a/b/hidden'), '');
    const guest = await guestOf([host('/', volume.inside), { kind: 'memory', guestPath: '/a/b' }]);
    expect(namesIn(guest, 'a')).toEqual(['b', 'file']);
    expect(namesIn(guest, 'a/b')).toEqual([]);
    expect(await textOf(guest, 'a/file')).toBe('below');
    expect(guest.open('a/b/new', { oflags: CREATE, rights: WRITE })).toBeGreaterThan(3);
    expect(fs.readdirSync(path.join(volume.inside, 'a/b'))).toEqual(['hidden']);
  });

  test('of two mounts at one path the later counts', async ({ expect }) => {
    const guest = await guestOf([file('/etc/hosts', 'first'), file('/etc/../etc//hosts', 'second')]);
    expect(await textOf(guest, 'etc/hosts')).toBe('second');
  });

  test('a path cannot leave the tree', async ({ expect }) => {
    const guest = await guestOf([file('/../../etc/file', 'x')]);
    expect(await textOf(guest, 'etc/file')).toBe('x');
  });

  test.for<{ name: string; change: (guest: TestGuest) => number; errno: number }>([
    { name: 'remove', change: (guest) => guest.path('path_remove_directory', 3, 'data/mount'), errno: Errno.BUSY },
    { name: 'rename', change: (guest) => guest.path('path_rename', 3, 'data/mount', 3, 'data/x'), errno: Errno.BUSY },
    {
      name: 'rename over it',
      change: (guest) => guest.path('path_rename', 3, 'data/dir', 3, 'data/mount'),
      errno: Errno.BUSY,
    },
    { name: 'unlink a file', change: (guest) => guest.path('path_unlink_file', 3, 'data/conf'), errno: Errno.BUSY },
    { name: 'a link there', change: (guest) => guest.path('path_symlink', 'x', 3, 'data/mount'), errno: Errno.EXIST },
    {
      name: 'create exclusively',
      change: (guest) => -guest.open('data/conf', { oflags: CREATE | 4, rights: WRITE }),
      errno: Errno.EXIST,
    },
    {
      name: 'read as a link',
      change: (guest) => guest.path('path_readlink', 3, 'data/conf', 0, 9, 64),
      errno: Errno.INVAL,
    },
  ])('a mount point stays: $name', async ({ change, errno }, { expect }) => {
    using volume = new HostVolume();
    fs.mkdirSync(path.join(volume.inside, 'dir'));
    const conf = path.join(volume.outside, 'secret');
    const guest = await guestOf([
      host('/data', volume.inside),
      { kind: 'memory', guestPath: '/data/mount' },
      host('/data/conf', conf),
    ]);
    expect(change(guest)).toBe(errno);
    expect(namesIn(guest, 'data')).toEqual(['conf', 'dir', 'mount']);
    expect(await textOf(guest, 'data/conf')).toBe('secret');
  });

  test('nothing stays open when the guest has ended, or when a mount fails', ({ expect }) => {
    using volume = new HostVolume();
    const before = openDescriptors();
    const sources = [
      host('/a', volume.inside),
      host('/a/b/c', volume.inside),
      host('/a/file', `${volume.outside}/secret`),
    ];
    buildRoot(sources, { nowNs }).directory.close();
    expect(openDescriptors()).toBe(before);
    expect(() => buildRoot([...sources, host('/z', '/no/such/place')], { nowNs })).toThrow(
      expect.objectContaining({ code: 'ERR_MOUNT' }),
    );
    expect(openDescriptors()).toBe(before);
  });
});

describe('files as mounts', () => {
  test('one file of the host, and nothing beside it', async ({ expect }) => {
    using volume = new HostVolume();
    fs.writeFileSync(path.join(volume.inside, 'conf'), 'old');
    const guest = await guestOf([host('/etc/conf', path.join(volume.inside, 'conf'))]);
    expect(namesIn(guest, 'etc')).toEqual(['conf']);
    const fd = guest.open('etc/conf', { rights: READ | WRITE });
    await guest.write(fd, 'new');
    expect(fs.readFileSync(path.join(volume.inside, 'conf'), 'utf8')).toBe('new');
    expect(guest.open('etc/conf/../other')).toBe(-Errno.NOTDIR);
  });

  test('read-only files change by no call', async ({ expect }) => {
    using volume = new HostVolume();
    fs.writeFileSync(path.join(volume.inside, 'conf'), 'old');
    const guest = await guestOf([
      host('/etc/conf', path.join(volume.inside, 'conf'), true),
      file('/etc/given', 'text'),
    ]);
    for (const name of ['etc/conf', 'etc/given']) {
      expect(guest.open(name, { rights: WRITE }), name).toBe(-Errno.ROFS);
      expect(guest.open(name, { oflags: TRUNCATE }), name).toBe(-Errno.ROFS);
      expect(guest.path('path_filestat_set_times', 3, 0, name, 1n, 1n, 5), name).toBe(Errno.ROFS);
      const fd = guest.open(name);
      expect(guest.call('fd_filestat_set_times', fd, 1n, 1n, 5), name).toBe(Errno.NOTCAPABLE);
      expect(guest.call('fd_filestat_set_size', fd, 0n), name).toBe(Errno.INVAL);
    }
    expect([await textOf(guest, 'etc/conf'), await textOf(guest, 'etc/given')]).toEqual(['old', 'text']);
  });

  test('a link that the user names is followed once, one that is planted later is not', async ({ expect }) => {
    using volume = new HostVolume();
    const target = path.join(volume.inside, 'target');
    fs.writeFileSync(target, 'target');
    fs.symlinkSync('target', path.join(volume.inside, 'named'));
    const guest = await guestOf([host('/etc/conf', path.join(volume.inside, 'named'))]);
    expect(await textOf(guest, 'etc/conf')).toBe('target');
    fs.rmSync(target);
    fs.symlinkSync(path.join(volume.outside, 'secret'), target);
    expect(await textOf(guest, 'etc/conf')).toBe(-Errno.NOTCAPABLE);
  });

  test('nothing can be mounted below a file', ({ expect }) => {
    const sources = [file('/etc', 'x'), file('/etc/hosts', 'y')];
    expect(() => buildRoot(sources, { nowNs })).toThrow('cannot mount anything below /etc: a file is mounted there');
  });

  test('what is no file and no directory is refused at once', async ({ expect }) => {
    using volume = new HostVolume();
    const fifo = path.join(volume.inside, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(() => buildRoot([host('/fifo', fifo)], { nowNs })).toThrow(
      `cannot mount ${fifo}: it is neither a directory nor a regular file`,
    );
    const socket = path.join(volume.inside, 'docker.sock');
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    expect(() => buildRoot([host('/var/run/docker.sock', socket)], { nowNs })).toThrow(
      `cannot mount ${socket}: it is neither a directory nor a regular file`,
    );
    await new Promise((resolve) => server.close(resolve));
    expect(() => buildRoot([host('/dev/null', '/dev/null')], { nowNs })).toThrow('neither a directory');
  });

  test.for(['/proc', '/proc/self', '/', '/proc/cpuinfo'])(
    '%s is refused: our own memory is in it',
    (at, { expect }) => {
      const before = openDescriptors();
      expect(() => buildRoot([host('/x', at, true)], { nowNs })).toThrow(
        expect.objectContaining({
          code: 'ERR_MOUNT',
          message: `cannot mount ${at}: a Wasm service must not reach /proc`,
        }),
      );
      expect(openDescriptors()).toBe(before);
    },
  );

  test('what is not there is named', ({ expect }) => {
    expect(() => buildRoot([host('/x', '/no/such/place')], { nowNs })).toThrow('cannot mount /no/such/place: ENOENT');
    expect(() => buildRoot([host('/', '/etc/hostname')], { nowNs })).toThrow('cannot mount /etc/hostname: ENOTDIR');
  });
});

test('two mounts see each other’s changes when they are one directory', async ({ expect }) => {
  using volume = new HostVolume();
  const guest = await guestOf([host('/rw', volume.inside), host('/ro', volume.inside, true)]);
  const fd = guest.open('rw/file', { oflags: CREATE, rights: WRITE });
  await guest.write(fd, 'text');
  expect(await textOf(guest, 'ro/file')).toBe('text');
  fs.appendFileSync(path.join(volume.inside, 'file'), ' more');
  expect(await textOf(guest, 'ro/file')).toBe('text more');
  expect(guest.open('ro/file', { rights: WRITE })).toBe(-Errno.ROFS);
});

describe('across mounts', () => {
  /** All pairs of a read-only and a writable mount of one directory, another directory and memory. */
  const MOUNTS = ['rw', 'ro', 'other', 'memory'] as const;
  const PAIRS = MOUNTS.flatMap((from) => MOUNTS.filter((to) => to !== from).map((to) => ({ from, to })));

  test.for(PAIRS)('a file gets no name in another mount: $from -> $to', async ({ from, to }, { expect }) => {
    using volume = new HostVolume();
    fs.writeFileSync(path.join(volume.inside, 'file'), 'text');
    fs.mkdirSync(path.join(volume.base, 'other'));
    fs.writeFileSync(path.join(volume.base, 'other/file'), 'text');
    const guest = await guestOf([
      host('/rw', volume.inside),
      host('/ro', volume.inside, true),
      host('/other', path.join(volume.base, 'other')),
      { kind: 'memory', guestPath: '/memory' },
    ]);
    guest.call('fd_close', guest.open('memory/file', { oflags: CREATE, rights: WRITE }));
    const errno = from === 'ro' || to === 'ro' ? Errno.ROFS : Errno.XDEV;
    expect(guest.path('path_link', 3, 0, `${from}/file`, 3, `${to}/new`)).toBe(errno);
    expect(guest.path('path_rename', 3, `${from}/file`, 3, `${to}/new`)).toBe(errno);
    // The same through descriptors of the mounts and not by paths.
    const [a, b] = [guest.open(from), guest.open(to)];
    expect(guest.path('path_link', a, 0, 'file', b, 'new')).toBe(errno);
    expect(guest.path('path_rename', a, 'file', b, 'new')).toBe(errno);
    expect(guest.open(`${to}/new`)).toBe(-Errno.NOENT);
    expect(guest.open(`${from}/file`)).toBeGreaterThan(3);
  });
});

test('the files in /etc are what resolvers read', async ({ expect }) => {
  const guest = await guestOf(
    systemFiles({
      hostname: 'web',
      nameserver: '127.0.0.11',
      hosts: [{ address: '172.18.0.2', names: ['db', 'db.shop'] }],
    }),
  );
  expect(namesIn(guest, 'etc')).toEqual(['hostname', 'hosts', 'resolv.conf', 'services']);
  expect(await textOf(guest, 'etc/hostname')).toBe('web\n');
  expect(await textOf(guest, 'etc/hosts')).toBe(
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n172.18.0.2\tdb db.shop\n',
  );
  expect(await textOf(guest, 'etc/resolv.conf')).toBe('nameserver 127.0.0.11\noptions ndots:0\n');
  expect(await textOf(guest, 'etc/services')).toContain('postgresql\t5432/tcp\n');
});
