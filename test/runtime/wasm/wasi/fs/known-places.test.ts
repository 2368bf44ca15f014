import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'vitest';
import { Errno } from '../../../../../src/runtime/wasm/wasi/errno.ts';
import { CREATE, DIRECTORY, EXCLUSIVE, type TestGuest, TRUNCATE, WRITE } from '../guest.ts';
import { HostVolume, openDescriptors } from './volume.ts';

/** Enough for the host to hold a place. */
const OFTEN = 3;
const HELD_LIMIT = 32;

/** A volume with a file two directories below, which the guest has opened often enough. */
async function opened(readOnly = false): Promise<{ volume: HostVolume; guest: TestGuest; inside: string }> {
  const volume = new HostVolume();
  const { inside } = volume;
  fs.mkdirSync(path.join(inside, 'a/b'), { recursive: true });
  fs.writeFileSync(path.join(inside, 'a/b/secret'), 'inside');
  const guest = await volume.guest(readOnly);
  // Not a number of times: what was opened once counts for a moment only.
  while (!heldOf(inside).includes('a/b/secret')) read(guest, 'a/b/secret');
  return { volume, guest, inside };
}

/** What is in the file at the path, or the errno of opening it. */
function read(guest: TestGuest, at: string, options?: Parameters<TestGuest['open']>[1]): string | number {
  const fd = guest.open(at, options);
  if (fd < 0) return -fd;
  guest.vector(0x100, 64);
  const errno = guest.call('fd_pread', fd, 0x7f10, 1, 0n, 0x200);
  const text = errno === 0 ? guest.text(0x100, guest.view.getUint32(0x200, true)) : `errno ${errno}`;
  guest.call('fd_close', fd);
  return text;
}

/** What somebody else does to the volume between two opens, and what the guest meets then. */
const CHANGES: readonly {
  what: string;
  change: (inside: string, outside: string) => void;
  found: string | number;
}[] = [
  { what: 'nothing', change: () => undefined, found: 'inside' },
  {
    what: 'the file is another one',
    change: (inside) => {
      fs.writeFileSync(path.join(inside, 'new'), 'new');
      fs.renameSync(path.join(inside, 'new'), path.join(inside, 'a/b/secret'));
    },
    found: 'new',
  },
  {
    what: 'the file is changed in place',
    change: (inside) => fs.writeFileSync(path.join(inside, 'a/b/secret'), 'changed'),
    found: 'changed',
  },
  {
    what: 'the file is gone',
    change: (inside) => fs.rmSync(path.join(inside, 'a/b/secret')),
    found: Errno.NOENT,
  },
  {
    what: 'the file is a link out',
    change: (inside, outside) => {
      fs.rmSync(path.join(inside, 'a/b/secret'));
      fs.symlinkSync(path.join(outside, 'secret'), path.join(inside, 'a/b/secret'));
    },
    found: Errno.NOTCAPABLE,
  },
  {
    what: 'the file is a link inside',
    change: (inside) => {
      fs.writeFileSync(path.join(inside, 'a/other'), 'other');
      fs.rmSync(path.join(inside, 'a/b/secret'));
      fs.symlinkSync('../other', path.join(inside, 'a/b/secret'));
    },
    found: 'other',
  },
  {
    what: 'the file is a FIFO',
    change: (inside) => {
      fs.rmSync(path.join(inside, 'a/b/secret'));
      execFileSync('mkfifo', [path.join(inside, 'a/b/secret')]);
    },
    found: Errno.NOTCAPABLE,
  },
  {
    what: 'the file is a directory',
    change: (inside) => {
      fs.rmSync(path.join(inside, 'a/b/secret'));
      fs.mkdirSync(path.join(inside, 'a/b/secret'));
    },
    found: `errno ${Errno.BADF}`,
  },
  {
    what: 'a directory on the way is a link out, to a file of the same name',
    change: (inside, outside) => {
      fs.renameSync(path.join(inside, 'a/b'), path.join(inside, 'a/c'));
      fs.symlinkSync(outside, path.join(inside, 'a/b'));
    },
    found: Errno.NOTCAPABLE,
  },
  {
    what: 'a directory on the way is another one',
    change: (inside) => {
      fs.renameSync(path.join(inside, 'a'), path.join(inside, 'old'));
      fs.mkdirSync(path.join(inside, 'a/b'), { recursive: true });
      fs.writeFileSync(path.join(inside, 'a/b/secret'), 'another');
    },
    found: 'another',
  },
  {
    what: 'a directory on the way is a file',
    change: (inside) => {
      fs.renameSync(path.join(inside, 'a'), path.join(inside, 'old'));
      fs.writeFileSync(path.join(inside, 'a'), '');
    },
    found: Errno.NOTDIR,
  },
];

describe('a path that was opened before is the path that it is now', () => {
  for (const { what, change, found } of CHANGES) {
    test(what, async ({ expect }) => {
      const { volume, guest, inside } = await opened();
      using _ = volume;
      const before = volume.outsideState();
      change(inside, volume.outside);
      for (let i = 0; i < OFTEN; i++) expect(read(guest, 'a/b/secret')).toBe(found);
      expect(volume.outsideState()).toBe(before);
    });
  }
});

describe('how it is opened counts as ever', () => {
  test('exclusively, as a directory, cut, and by other spellings of the path', async ({ expect }) => {
    const { volume, guest, inside } = await opened();
    using _ = volume;
    expect(guest.open('a/b/secret', { oflags: CREATE | EXCLUSIVE, rights: WRITE })).toBe(-Errno.EXIST);
    expect(guest.open('a/b/secret', { oflags: DIRECTORY })).toBe(-Errno.NOTDIR);
    expect(guest.open('a/b/secret/')).toBe(-Errno.NOTDIR);
    expect(read(guest, 'a/./b/../b//secret')).toBe('inside');
    expect(read(guest, 'a/b/../../a/b/secret')).toBe('inside');
    expect(read(guest, 'a/b/../../../outside/secret')).toBe(Errno.NOTCAPABLE);
    guest.call('fd_close', guest.open('a/b/secret', { oflags: TRUNCATE, rights: WRITE }));
    expect(fs.readFileSync(path.join(inside, 'a/b/secret'), 'utf8')).toBe('');
  });

  test('for reading only in a mount that is read-only', async ({ expect }) => {
    const { volume, guest } = await opened(true);
    using _ = volume;
    expect(guest.open('a/b/secret', { rights: WRITE })).toBe(-Errno.ROFS);
    expect(guest.open('a/b/secret', { oflags: TRUNCATE })).toBe(-Errno.ROFS);
    const fd = guest.open('a/b/secret', { oflags: CREATE });
    expect(guest.call('fd_filestat_set_times', fd, 1n, 1n, 5)).toBe(Errno.NOTCAPABLE);
  });

  test('links in a known directory lead on from every directory on the way', async ({ expect }) => {
    const { volume, guest, inside } = await opened();
    using _ = volume;
    fs.writeFileSync(path.join(inside, 'top'), 'top');
    fs.symlinkSync('../../top', path.join(inside, 'a/b/up'));
    fs.symlinkSync('../../../outside/secret', path.join(inside, 'a/b/out'));
    fs.symlinkSync('/top', path.join(inside, 'a/b/absolute'));
    for (let i = 0; i < OFTEN; i++) {
      expect(read(guest, 'a/b/up')).toBe('top');
      expect(read(guest, 'a/b/out')).toBe(Errno.NOTCAPABLE);
      expect(read(guest, 'a/b/absolute')).toBe(Errno.NOTCAPABLE);
    }
  });
});

describe('what is held is let go', () => {
  test('at once when the guest removes it, or puts another in its place', async ({ expect }) => {
    const { volume, guest, inside } = await opened();
    using _ = volume;
    guest.path('path_unlink_file', 3, 'a/b/secret');
    expect(heldOf(inside)).not.toContain('a/b/secret (deleted)');
    while (!heldOf(inside).includes('a/b/x')) {
      guest.call('fd_close', guest.open('a/b/x', { oflags: CREATE, rights: WRITE }));
    }
    fs.writeFileSync(path.join(inside, 'y'), 'y');
    guest.path('path_rename', 3, 'y', 3, 'a/b/x');
    expect(heldOf(inside).join()).not.toContain('deleted');
    guest.path('path_unlink_file', 3, 'a/b/x');
    guest.path('path_remove_directory', 3, 'a/b');
    expect(heldOf(inside).join()).not.toContain('deleted');
  });

  test('in a moment when somebody else removes it', async ({ expect }) => {
    const { volume, inside } = await opened();
    using _ = volume;
    fs.rmSync(path.join(inside, 'a'), { recursive: true });
    expect(heldOf(inside)).toContain('a/b/secret (deleted)');
    await expect.poll(() => heldOf(inside), { timeout: 20_000 }).toEqual(['']);
  });

  test('with the mount', async ({ expect }) => {
    using volume = new HostVolume();
    fs.writeFileSync(path.join(volume.inside, 'file'), 'inside');
    const before = openDescriptors();
    const mount = volume.mount();
    const known = mount.directory.shortcut?.('file');
    const options = { read: true, write: false, append: false, create: false, exclusive: false, truncate: false };
    while (openDescriptors() < before + 2) {
      const file = mount.directory.open('file', { ...options, directory: false, synchronous: false });
      if (typeof file === 'string') throw new Error('a link');
      known?.from.noteKnown('file', file);
      file.close();
    }
    mount.directory.close();
    expect(openDescriptors()).toBe(before);
  });

  test('for others, when a guest opens many', async ({ expect }) => {
    const { volume, guest, inside } = await opened();
    using _ = volume;
    for (let i = 0; i < 4 * HELD_LIMIT; i++) {
      fs.writeFileSync(path.join(inside, `a/b/${i}`), `${i}`);
      for (let time = 0; time < OFTEN; time++) expect(read(guest, `a/b/${i}`)).toBe(`${i}`);
      // The root is open besides.
      expect(heldOf(inside).length).toBeLessThanOrEqual(HELD_LIMIT + 1);
    }
  });
});

/** The paths in the volume that this process has open. */
function heldOf(inside: string): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    const at = linkOf(fd);
    return at === inside || at.startsWith(`${inside}/`) ? [at.slice(inside.length + 1)] : [];
  });
}

function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // ENOENT: the one the list was read by.
    return '';
  }
}
