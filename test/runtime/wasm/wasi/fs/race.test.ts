import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, test } from 'vitest';
import { CREATE, DIRECTORY, type TestGuest, TRUNCATE, WRITE } from '../guest.ts';
import { HostVolume, openDescriptors } from './volume.ts';

/**
 * Makes `at` by turns two things, as fast as it can: what the volume's owner put there, and a link that leads out. Both
 * are there from the start and only renamed.
 */
const SWAPPER = `
  const fs = require('node:fs');
  const { workerData: { at, outside, kinds, stop }, parentPort } = require('node:worker_threads');
  const make = {
    directory(to) { fs.mkdirSync(to); fs.writeFileSync(to + '/secret', 'inside'); },
    file(to) { fs.writeFileSync(to, 'inside'); },
    'link to a directory'(to) { fs.symlinkSync(outside, to); },
    'link to a file'(to) { fs.symlinkSync(outside + '/secret', to); },
  };
  const names = kinds.map((kind, i) => {
    make[kind](at + i);
    return at + i;
  });
  parentPort.postMessage('ready');
  let swaps = 0;
  const stopped = new Int32Array(stop);
  while (Atomics.load(stopped, 0) === 0) {
    for (const name of names) {
      fs.renameSync(name, at);
      fs.renameSync(at, name);
      swaps++;
    }
  }
  parentPort.postMessage(swaps);
`;

/** Runs `attack` again and again while the swapper swaps; returns how often each of them did. */
async function race(
  volume: HostVolume,
  kinds: readonly string[],
  attack: () => void,
  attacks: number,
): Promise<number> {
  const at = path.join(volume.inside, 'target');
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(SWAPPER, { eval: true, workerData: { at, outside: volume.outside, kinds, stop } });
  const messages: unknown[] = [];
  let heard = (): void => undefined;
  worker.on('message', (message) => {
    messages.push(message);
    heard();
  });
  const message = async (count: number): Promise<void> => {
    while (messages.length < count) await new Promise<void>((resolve) => (heard = resolve));
  };
  await message(1);
  for (let i = 0; i < attacks; i++) attack();
  Atomics.store(new Int32Array(stop), 0, 1);
  await message(2);
  await worker.terminate();
  return messages[1] as number;
}

const ATTACKS = 6000;
/** Places that were opened often are let go a moment later. */
const HELD = { timeout: 20_000 };

describe('a directory that somebody swaps for a link meanwhile leads nowhere', () => {
  test('no open, by any path through it, reads or writes what is outside', async ({ expect }) => {
    using volume = new HostVolume();
    const before = volume.outsideState();
    const guest = await volume.guest();
    const descriptors = openDescriptors();
    const seen = { inside: 0, refused: 0 };
    const paths = ['target/secret', 'target/../target/secret', './target//secret'];
    let i = 0;
    const attack = (): void => {
      const fd = guest.open(paths[i++ % paths.length] ?? '');
      if (fd < 0) seen.refused++;
      else {
        const text = readAt(guest, fd);
        if (text === 'inside' || text === '') seen.inside++;
        else throw new Error(`read ${text}`);
        guest.call('fd_close', fd);
      }
    };
    const swaps = await race(volume, ['directory', 'link to a directory'], attack, ATTACKS);
    expect(seen.inside + seen.refused).toBe(ATTACKS);
    // Both were met, else nothing was tried.
    expect(swaps).toBeGreaterThan(10);
    expect(seen.inside).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
    expect(volume.outsideState()).toBe(before);
    await expect.poll(openDescriptors, HELD).toBe(descriptors);
  });

  test('nothing is made, changed or removed outside', async ({ expect }) => {
    using volume = new HostVolume();
    const before = volume.outsideState();
    const guest = await volume.guest();
    guest.call('fd_close', guest.open('mine', { oflags: CREATE, rights: WRITE }));
    const descriptors = openDescriptors();
    const calls: readonly (() => number)[] = [
      () => guest.open('target/made', { oflags: CREATE, rights: WRITE }),
      () => guest.open('target/secret', { oflags: TRUNCATE, rights: WRITE }),
      () => guest.path('path_create_directory', 3, 'target/new'),
      () => guest.path('path_remove_directory', 3, 'target/dir'),
      () => guest.path('path_unlink_file', 3, 'target/secret'),
      () => guest.path('path_symlink', 'x', 3, 'target/link'),
      () => guest.path('path_link', 3, 0, 'mine', 3, 'target/linked'),
      () => guest.path('path_rename', 3, 'target/secret', 3, 'stolen'),
      () => guest.path('path_filestat_set_times', 3, 1, 'target/secret', 1n, 1n, 5),
      () => guest.open('target/dir', { oflags: DIRECTORY }),
    ];
    let i = 0;
    const attack = (): void => {
      const call = calls[i++ % calls.length];
      const fd = call?.() ?? 0;
      if (fd > 3 && guest.host.table.get(fd) !== undefined) guest.call('fd_close', fd);
    };
    const swaps = await race(volume, ['directory', 'link to a directory'], attack, ATTACKS);
    expect(swaps).toBeGreaterThan(10);
    expect(volume.outsideState()).toBe(before);
    await expect.poll(openDescriptors, HELD).toBe(descriptors);
  });

  test('a file that is swapped for a link to one outside is not opened by its name', async ({ expect }) => {
    using volume = new HostVolume();
    const before = volume.outsideState();
    const guest = await volume.guest();
    const descriptors = openDescriptors();
    let i = 0;
    const attack = (): void => {
      const fd =
        i++ % 2 === 0
          ? guest.open('target', { follow: i % 3 === 0 })
          : guest.open('target', { oflags: CREATE | TRUNCATE, rights: WRITE, follow: i % 3 === 0 });
      if (fd < 0) return;
      const text = readAt(guest, fd);
      if (text === 'secret') throw new Error('read what is outside');
      guest.call('fd_close', fd);
    };
    const swaps = await race(volume, ['file', 'link to a file'], attack, ATTACKS);
    expect(swaps).toBeGreaterThan(10);
    expect(volume.outsideState()).toBe(before);
    await expect.poll(openDescriptors, HELD).toBe(descriptors);
  });
});

/** What is in the file, without a call that may wait. */
function readAt(guest: TestGuest, fd: number): string {
  guest.vector(0x100, 64);
  const errno = guest.call('fd_pread', fd, 0x7f10, 1, 0n, 0x200);
  return errno === 0 ? guest.text(0x100, guest.view.getUint32(0x200, true)) : '';
}
