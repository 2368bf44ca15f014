import { Errno } from './errno.ts';
import { type FilestatLayout, filestatPreview1, fileTimes } from './filestat.ts';
import { Walk } from './fs/walk.ts';
import { directoryAt, type Guest, mustHold, pathAt } from './guest.ts';
import { FOLLOW } from './path-open.ts';
import {
  createDirectory,
  hardLink,
  makeLink,
  readLink,
  removeDirectory,
  rename,
  setTimes,
  statAtEnd,
  unlinkFile,
} from './path-operations.ts';
import { Right } from './rights.ts';

/**
 * `path_filestat_get(fd, flags: lookupflags, path: *u8, path_len: size, stat: *filestat) -> errno`: what is known of
 * the file at a path; of a link itself without SYMLINK_FOLLOW.
 *
 *     path -> | 'a' '/' 'b' |    stat -> | 64 bytes, see filestatPreview1 |
 *
 * BADF, NOTDIR: `fd` is no directory. NOENT, NOTDIR, LOOP, NOTCAPABLE, ACCES, ILSEQ, NAMETOOLONG, FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_filestat_get
 */
export function pathFilestatGet(
  guest: Guest,
  fd: number,
  flags: number,
  path: number,
  pathLength: number,
  stat: number,
): number {
  return writePathFilestat(guest, fd, flags, path, pathLength, stat, filestatPreview1);
}

export function writePathFilestat(
  guest: Guest,
  fd: number,
  flags: number,
  path: number,
  pathLength: number,
  stat: number,
  layout: FilestatLayout,
): number {
  const walk = walkFrom(guest, fd, Right.PATH_FILESTAT_GET, path, pathLength);
  try {
    layout(guest, stat, statAtEnd(walk, (flags & FOLLOW) !== 0));
    return Errno.SUCCESS;
  } finally {
    walk.close();
  }
}

/**
 * `path_filestat_set_times(fd, flags: lookupflags, path: *u8, path_len: size, atim: timestamp, mtim: timestamp,
 * fst_flags: fstflags) -> errno`: sets the times of the file at a path.
 *
 * Errors as path_filestat_get; INVAL: a time and 'now' both; ROFS; PERM.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_filestat_set_times
 */
export function pathFilestatSetTimes(
  guest: Guest,
  fd: number,
  flags: number,
  path: number,
  pathLength: number,
  atim: bigint,
  mtim: bigint,
  fstflags: number,
): number {
  const times = fileTimes(guest, atim, mtim, fstflags);
  const walk = walkFrom(guest, fd, Right.PATH_FILESTAT_SET_TIMES, path, pathLength);
  try {
    return setTimes(walk, (flags & FOLLOW) !== 0, times);
  } finally {
    walk.close();
  }
}

/**
 * `path_create_directory(fd, path: *u8, path_len: size) -> errno`
 *
 * BADF, NOTDIR: `fd` is no directory. EXIST, NOENT, NOTDIR, LOOP, NOTCAPABLE, ACCES, ROFS, NOSPC, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_create_directory
 */
export function pathCreateDirectory(guest: Guest, fd: number, path: number, pathLength: number): number {
  const walk = walkFrom(guest, fd, Right.PATH_CREATE_DIRECTORY, path, pathLength);
  try {
    return createDirectory(walk);
  } finally {
    walk.close();
  }
}

/**
 * `path_remove_directory(fd, path: *u8, path_len: size) -> errno`: removes an empty directory.
 *
 * BADF, NOTDIR: `fd` or the path is no directory, a link to one neither. NOTEMPTY. INVAL: '.'. BUSY: a mount point.
 * NOENT, LOOP, NOTCAPABLE, ACCES, ROFS, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_remove_directory
 */
export function pathRemoveDirectory(guest: Guest, fd: number, path: number, pathLength: number): number {
  const walk = walkFrom(guest, fd, Right.PATH_REMOVE_DIRECTORY, path, pathLength);
  try {
    return removeDirectory(walk);
  } finally {
    walk.close();
  }
}

/**
 * `path_unlink_file(fd, path: *u8, path_len: size) -> errno`: removes a name; a link, not what it points at.
 *
 * BADF, NOTDIR: `fd` is no directory. ISDIR: the path is one. NOTDIR: a file with a slash behind. BUSY: a mount point.
 * NOENT, LOOP, NOTCAPABLE, ACCES, ROFS, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_unlink_file
 */
export function pathUnlinkFile(guest: Guest, fd: number, path: number, pathLength: number): number {
  const walk = walkFrom(guest, fd, Right.PATH_UNLINK_FILE, path, pathLength);
  try {
    return unlinkFile(walk);
  } finally {
    walk.close();
  }
}

/**
 * `path_rename(fd, old_path: *u8, old_path_len: size, new_fd: fd, new_path: *u8, new_path_len: size) -> errno`
 *
 * XDEV: the two are in different mounts. BUSY: a mount point or '.'. NOTDIR: a slash behind what is no directory.
 * BADF, EXIST, NOTEMPTY, ISDIR, INVAL, NOENT, LOOP, NOTCAPABLE, ACCES, ROFS, NOSPC, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_rename
 */
export function pathRename(
  guest: Guest,
  fd: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): number {
  const from = walkFrom(guest, fd, Right.PATH_RENAME_SOURCE, oldPath, oldLength);
  try {
    const to = walkFrom(guest, newFd, Right.PATH_RENAME_TARGET, newPath, newLength);
    try {
      return rename(from, to);
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}

/**
 * `path_link(old_fd: fd, old_flags: lookupflags, old_path: *u8, old_path_len: size, new_fd: fd, new_path: *u8,
 * new_path_len: size) -> errno`: a hard link.
 *
 * XDEV: the two are in different mounts. PERM: a directory. EXIST. NOENT: also a slash behind the new name.
 * BADF, NOTDIR, LOOP, NOTCAPABLE, ACCES, ROFS, MLINK, NOSPC, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_link
 */
export function pathLink(
  guest: Guest,
  oldFd: number,
  flags: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): number {
  const from = walkFrom(guest, oldFd, Right.PATH_LINK_SOURCE, oldPath, oldLength);
  try {
    const to = walkFrom(guest, newFd, Right.PATH_LINK_TARGET, newPath, newLength);
    try {
      return hardLink(from, (flags & FOLLOW) !== 0, to);
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}

/**
 * `path_symlink(old_path: *u8, old_path_len: size, fd, new_path: *u8, new_path_len: size) -> errno`: makes a link
 * with the text `old_path`. An absolute one could not be followed here and would lead others out of the volume.
 *
 * NOTCAPABLE: an absolute target. EXIST. NOENT: also an empty target, or a slash behind the new name.
 * BADF, NOTDIR, LOOP, ACCES, ROFS, NOSPC, ILSEQ, NAMETOOLONG.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_symlink
 */
export function pathSymlink(
  guest: Guest,
  target: number,
  targetLength: number,
  fd: number,
  path: number,
  pathLength: number,
): number {
  const text = pathAt(guest, target, targetLength);
  const walk = walkFrom(guest, fd, Right.PATH_SYMLINK, path, pathLength);
  try {
    return makeLink(walk, text);
  } finally {
    walk.close();
  }
}

/**
 * `path_readlink(fd, path: *u8, path_len: size, buf: *u8, buf_len: size, bufused: *size) -> errno`: the text of a
 * link, cut to the buffer, without a NUL.
 *
 *     path -> | 'l' |    buf -> | 't' 'a' 'r' 'g' 'e' 't' |    bufused -> | u32 |
 *
 * INVAL: no link. BADF, NOTDIR, NOENT, LOOP, NOTCAPABLE, ACCES, ILSEQ, NAMETOOLONG, FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_readlink
 */
export function pathReadlink(
  guest: Guest,
  fd: number,
  path: number,
  pathLength: number,
  buffer: number,
  length: number,
  used: number,
): number {
  const walk = walkFrom(guest, fd, Right.PATH_READLINK, path, pathLength);
  try {
    mustHold(guest, buffer, length);
    mustHold(guest, used, 4);
    const target = Buffer.from(readLink(walk));
    const n = Math.min(length, target.length);
    guest.memory.bytes.set(target.subarray(0, n), buffer);
    guest.memory.view.setUint32(used, n, true);
    return Errno.SUCCESS;
  } finally {
    walk.close();
  }
}

function walkFrom(guest: Guest, fd: number, right: bigint, path: number, length: number): Walk {
  return new Walk(directoryAt(guest, fd, right).directory, pathAt(guest, path, length));
}
