import { Filetype } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import { fileAt, toPosition } from './fd.ts';
import type { FileStat, FileTimes } from './fs/directory.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import { OpenFile } from './fs/open-file.ts';
import { descriptorAt, type Guest, mustHold } from './guest.ts';
import { Right } from './rights.ts';

/** How a filestat is laid out in guest memory; wasi_unstable has another way. */
export type FilestatLayout = (guest: Guest, pointer: number, stat: FileStat) => void;

const FILESTAT_SIZE = 64;

/** | u64 device | u64 inode | u8 filetype, 7 x 0 | u64 links | u64 size | u64 atim | u64 mtim | u64 ctim | */
export const filestatPreview1: FilestatLayout = (guest, pointer, stat) => {
  mustHold(guest, pointer, FILESTAT_SIZE);
  const { view } = guest.memory;
  view.setBigUint64(pointer, stat.device, true);
  view.setBigUint64(pointer + 8, stat.inode, true);
  view.setBigUint64(pointer + 16, BigInt(stat.filetype), true);
  view.setBigUint64(pointer + 24, stat.links, true);
  view.setBigUint64(pointer + 32, stat.size, true);
  view.setBigUint64(pointer + 40, stat.accessedNs, true);
  view.setBigUint64(pointer + 48, stat.modifiedNs, true);
  view.setBigUint64(pointer + 56, stat.changedNs, true);
};

/**
 * `fd_filestat_get(fd, stat: *filestat) -> errno`: what is known of an open file.
 *
 *     stat -> | 64 bytes, see filestatPreview1 |
 *
 * BADF: not open. NOTCAPABLE: no FD_FILESTAT_GET right. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_get
 */
export function fdFilestatGet(guest: Guest, fd: number, stat: number): number {
  return writeFilestat(guest, fd, stat, filestatPreview1);
}

export function writeFilestat(guest: Guest, fd: number, stat: number, layout: FilestatLayout): number {
  const descriptor = descriptorAt(guest, fd);
  if ((descriptor.rights & Right.FD_FILESTAT_GET) === 0n) return Errno.NOTCAPABLE;
  if (descriptor instanceof OpenFile) layout(guest, stat, descriptor.file.stat());
  else if (descriptor instanceof OpenDirectory) layout(guest, stat, descriptor.directory.statSelf());
  else layout(guest, stat, { ...NO_FILE, filetype: descriptor.filetype, inode: BigInt(fd) });
  return Errno.SUCCESS;
}

/** A stream or socket has no inode; the number of the descriptor tells two of them apart. */
const NO_FILE: FileStat = {
  device: 0n,
  inode: 0n,
  filetype: Filetype.UNKNOWN,
  links: 1n,
  size: 0n,
  accessedNs: 0n,
  modifiedNs: 0n,
  changedNs: 0n,
};

/**
 * `fd_filestat_set_size(fd, size: filesize) -> errno`: cuts the file or fills it up with zeros.
 *
 * BADF: not open, or a directory. INVAL: not open for writing, no file, or a size beyond 2^53. FBIG, NOSPC.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_set_size
 */
export function fdFilestatSetSize(guest: Guest, fd: number, size: bigint): number {
  const file = fileAt(guest, fd);
  if ((file.rights & (Right.FD_FILESTAT_SET_SIZE | Right.FD_WRITE)) === 0n) return Errno.INVAL;
  file.file.setSize(toPosition(size));
  return Errno.SUCCESS;
}

/**
 * `fd_filestat_set_times(fd, atim: timestamp, mtim: timestamp, flags: fstflags) -> errno`: sets the times of an open
 * file or directory.
 *
 * BADF: not open or neither. INVAL: a time and 'now' both. NOTCAPABLE: no FD_FILESTAT_SET_TIMES right. ROFS.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_set_times
 */
export function fdFilestatSetTimes(guest: Guest, fd: number, atim: bigint, mtim: bigint, flags: number): number {
  const descriptor = descriptorAt(guest, fd);
  const times = fileTimes(guest, atim, mtim, flags);
  if ((descriptor.rights & Right.FD_FILESTAT_SET_TIMES) === 0n) return Errno.NOTCAPABLE;
  if (descriptor instanceof OpenFile) descriptor.file.setTimes(times);
  else if (descriptor instanceof OpenDirectory) {
    if (descriptor.directory.isReadOnly('.')) return Errno.ROFS;
    descriptor.directory.setTimesSelf(times);
  } else return Errno.BADF;
  return Errno.SUCCESS;
}

/** `__wasi_fstflags_t` */
const Fstflags = { ATIM: 1, ATIM_NOW: 2, MTIM: 4, MTIM_NOW: 8 } as const;

/** The times that `flags` ask for; INVAL when they contradict each other. */
export function fileTimes(guest: Guest, atim: bigint, mtim: bigint, flags: number): FileTimes {
  const atimFlags = flags & (Fstflags.ATIM | Fstflags.ATIM_NOW);
  const mtimFlags = flags & (Fstflags.MTIM | Fstflags.MTIM_NOW);
  const isBoth = atimFlags === (Fstflags.ATIM | Fstflags.ATIM_NOW) || mtimFlags === (Fstflags.MTIM | Fstflags.MTIM_NOW);
  if (isBoth || flags > 15) throw failure(Errno.INVAL);
  const now = guest.clock.realtimeNs();
  return {
    accessedNs: atimFlags === 0 ? undefined : atimFlags === Fstflags.ATIM ? BigInt.asUintN(64, atim) : now,
    modifiedNs: mtimFlags === 0 ? undefined : mtimFlags === Fstflags.MTIM ? BigInt.asUintN(64, mtim) : now,
  };
}
