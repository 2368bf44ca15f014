/**
 * Where `wasi_unstable` (snapshot 0) differs from `wasi_snapshot_preview1`: the numbers of whence, the layouts of
 * filestat and of a clock subscription. All else is the same.
 */
import { Errno } from './errno.ts';
import { fdSeek, Whence } from './fd.ts';
import { type FilestatLayout, writeFilestat } from './filestat.ts';
import { type Guest, mustHold } from './guest.ts';
import { writePathFilestat } from './path.ts';
import { pollWith, type SubscriptionLayout } from './poll.ts';

/** 0 is CUR there, 1 END, 2 SET. */
const WHENCE: readonly number[] = [Whence.CUR, Whence.END, Whence.SET];

const FILESTAT_SIZE = 56;
const LINKS_LIMIT = 0xffffffffn;

/** | u64 device | u64 inode | u8 filetype, 3 x 0 | u32 links | u64 size | u64 atim | u64 mtim | u64 ctim | */
const filestatUnstable: FilestatLayout = (guest, pointer, stat) => {
  mustHold(guest, pointer, FILESTAT_SIZE);
  const { view } = guest.memory;
  view.setBigUint64(pointer, stat.device, true);
  view.setBigUint64(pointer + 8, stat.inode, true);
  view.setUint32(pointer + 16, stat.filetype, true);
  view.setUint32(pointer + 20, Number(stat.links < LINKS_LIMIT ? stat.links : LINKS_LIMIT), true);
  view.setBigUint64(pointer + 24, stat.size, true);
  view.setBigUint64(pointer + 32, stat.accessedNs, true);
  view.setBigUint64(pointer + 40, stat.modifiedNs, true);
  view.setBigUint64(pointer + 48, stat.changedNs, true);
};

/** A clock subscription has another u64 before its id: `| @16 identifier | @24 id | @32 timeout | ... | @48 flags |` */
const SUBSCRIPTION: SubscriptionLayout = { size: 56, clockId: 24, timeout: 32, clockFlags: 48 };

export function unstableFdSeek(guest: Guest, fd: number, offset: bigint, whence: number, newOffset: number): number {
  const preview1 = WHENCE[whence];
  return preview1 === undefined ? Errno.INVAL : fdSeek(guest, fd, offset, preview1, newOffset);
}

export function unstableFdFilestatGet(guest: Guest, fd: number, stat: number): number {
  return writeFilestat(guest, fd, stat, filestatUnstable);
}

export function unstablePathFilestatGet(
  guest: Guest,
  fd: number,
  flags: number,
  path: number,
  pathLength: number,
  stat: number,
): number {
  return writePathFilestat(guest, fd, flags, path, pathLength, stat, filestatUnstable);
}

export function unstablePollOneoff(
  guest: Guest,
  subscriptions: number,
  events: number,
  count: number,
  eventCount: number,
): number | Promise<number> {
  return pollWith(SUBSCRIPTION, guest, subscriptions, events, count, eventCount);
}
