import { Fdflags } from './descriptor.ts';
import { Errno } from './errno.ts';
import { descriptorAt, type Guest, mustHold } from './guest.ts';
import { Right } from './rights.ts';

const FDSTAT_SIZE = 24;
const PRESTAT_SIZE = 8;
const ALL_FDFLAGS = Fdflags.APPEND | Fdflags.DSYNC | Fdflags.NONBLOCK | Fdflags.RSYNC | Fdflags.SYNC;

/**
 * `fd_fdstat_get(fd, stat: *fdstat) -> errno`: kind, flags and rights of a descriptor.
 *
 *     stat -> | u8: filetype | 0 | u16: fdflags | 4 x 0 | u64: rights | u64: inheriting rights |
 *
 * BADF: not open. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_get
 */
export function fdFdstatGet(guest: Guest, fd: number, stat: number): number {
  const descriptor = descriptorAt(guest, fd);
  mustHold(guest, stat, FDSTAT_SIZE);
  const { view } = guest.memory;
  view.setUint16(stat, descriptor.filetype, true);
  view.setUint16(stat + 2, descriptor.fdflags, true);
  view.setUint32(stat + 4, 0, true);
  view.setBigUint64(stat + 8, descriptor.rights, true);
  view.setBigUint64(stat + 16, descriptor.inheriting, true);
  return Errno.SUCCESS;
}

/**
 * `fd_fdstat_set_flags(fd, flags: fdflags) -> errno`: sets APPEND and NONBLOCK. SYNC, DSYNC and RSYNC are what they
 * were when the file was opened, as on Linux.
 *
 * BADF: not open. INVAL: unknown flags. NOTCAPABLE: no FD_FDSTAT_SET_FLAGS right.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_set_flags
 */
export function fdFdstatSetFlags(guest: Guest, fd: number, flags: number): number {
  const descriptor = descriptorAt(guest, fd);
  if ((flags & ~ALL_FDFLAGS) !== 0) return Errno.INVAL;
  if ((descriptor.rights & Right.FD_FDSTAT_SET_FLAGS) === 0n) return Errno.NOTCAPABLE;
  const settable = Fdflags.APPEND | Fdflags.NONBLOCK;
  descriptor.fdflags = (descriptor.fdflags & ~settable) | (flags & settable);
  return Errno.SUCCESS;
}

/**
 * `fd_fdstat_set_rights(fd, base: rights, inheriting: rights) -> errno`: gives rights up.
 *
 * BADF: not open. NOTCAPABLE: one of them is not there; nothing changes then.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_set_rights
 */
export function fdFdstatSetRights(guest: Guest, fd: number, base: bigint, inheriting: bigint): number {
  const descriptor = descriptorAt(guest, fd);
  if ((base & ~descriptor.rights) !== 0n || (inheriting & ~descriptor.inheriting) !== 0n) return Errno.NOTCAPABLE;
  descriptor.rights = base;
  if (inheriting !== descriptor.inheriting) descriptor.inheriting = inheriting;
  return Errno.SUCCESS;
}

/**
 * `fd_prestat_get(fd, prestat: *prestat) -> errno`: whether the descriptor is a preopened directory, and how long its
 * path is. Guests ask for 3, 4, ... until BADF.
 *
 *     prestat -> | u8: 0 = directory | 3 x 0 | u32: length of the path |
 *
 * BADF: not open or not preopened. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_prestat_get
 */
export function fdPrestatGet(guest: Guest, fd: number, prestat: number): number {
  const path = descriptorAt(guest, fd).preopenPath;
  if (path === undefined) return Errno.BADF;
  mustHold(guest, prestat, PRESTAT_SIZE);
  guest.memory.view.setUint32(prestat, 0, true);
  guest.memory.view.setUint32(prestat + 4, Buffer.byteLength(path), true);
  return Errno.SUCCESS;
}

/**
 * `fd_prestat_dir_name(fd, path: *u8, path_len: size) -> errno`: the path of a preopened directory, without a NUL.
 *
 *     path -> | '/' 'd' 'a' 't' 'a' |
 *
 * BADF: not open or not preopened. NAMETOOLONG: the buffer is too short. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_prestat_dir_name
 */
export function fdPrestatDirName(guest: Guest, fd: number, path: number, length: number): number {
  const preopened = descriptorAt(guest, fd).preopenPath;
  if (preopened === undefined) return Errno.BADF;
  const name = Buffer.from(preopened);
  if (name.length > length) return Errno.NAMETOOLONG;
  mustHold(guest, path, name.length);
  guest.memory.bytes.set(name, path);
  return Errno.SUCCESS;
}
