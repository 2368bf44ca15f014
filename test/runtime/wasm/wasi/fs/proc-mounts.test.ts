import { test } from 'vitest';
import { procMountIn } from '../../../../../src/runtime/wasm/wasi/fs/proc-mounts.ts';

const MOUNTS = [
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
  '23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw',
  '24 22 8:2 / /srv rw shared:13 - ext4 /dev/sdb1 rw',
  '25 24 0:40 / /srv/chroot\\040a/proc rw - proc proc rw',
  '26 23 0:41 / /proc/hidden rw - tmpfs tmpfs rw',
  '27 24 0:42 / /srv/over rw - proc proc rw',
  '28 27 0:43 / /srv/over rw - tmpfs tmpfs rw',
  '',
].join('\n');

test.for([
  { path: '/', found: '/proc' },
  { path: '/proc', found: '/proc' },
  { path: '/proc/self/task', found: '/proc' },
  { path: '/proc/hidden', found: undefined },
  { path: '/processes', found: undefined },
  { path: '/srv', found: '/srv/chroot a/proc' },
  { path: '/srv/chroot a', found: '/srv/chroot a/proc' },
  { path: '/srv/data', found: undefined },
  { path: '/home/me', found: undefined },
])('the process file system that $path reaches', ({ path, found }, { expect }) => {
  expect(procMountIn(path, MOUNTS)).toBe(found);
});

test('one that another mount covers is still told of: the cover may go', ({ expect }) => {
  expect(procMountIn('/srv/over', MOUNTS)).toBe('/srv/over');
});

test('of this system', ({ expect }) => {
  expect(procMountIn('/proc')).toBe('/proc');
  expect(procMountIn(import.meta.dirname)).toBeUndefined();
});
