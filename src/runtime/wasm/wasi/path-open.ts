import { Fdflags } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import type { Directory, File, OpenOptions } from './fs/directory.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import { OpenFile } from './fs/open-file.ts';
import { Walk } from './fs/walk.ts';
import { directoryAt, type Guest, mustHold, pathAt } from './guest.ts';
import { FILE_WRITE_RIGHTS, fileRights, Right } from './rights.ts';

/** `__wasi_lookupflags_t` */
export const FOLLOW = 1;
/** `__wasi_oflags_t` */
const Oflags = { CREAT: 1, DIRECTORY: 2, EXCL: 4, TRUNC: 8 } as const;
const ALL_OFLAGS = 15;
const ALL_FDFLAGS = 31;

/**
 * `path_open(fd, dirflags: lookupflags, path: *u8, path_len: size, oflags, rights_base: rights,
 * rights_inheriting: rights, fdflags, opened_fd: *fd) -> errno`: opens or creates a file or directory.
 *
 *     path -> | 'a' '/' 'b' |    opened_fd -> | u32 |
 *
 * The rights say how: FD_READ, FD_WRITE or both. The new descriptor has the lowest free number.
 * BADF, NOTDIR: `fd` is no directory. NOENT, EXIST, ISDIR, NOTDIR, LOOP, ACCES, ROFS, NOSPC, MFILE, NAMETOOLONG.
 * NOTCAPABLE: the path leaves `fd`, or it names a device, FIFO or socket, or a right is missing. ILSEQ, INVAL, FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_open
 */
export function pathOpen(
  guest: Guest,
  fd: number,
  lookup: number,
  path: number,
  pathLength: number,
  oflags: number,
  rights: bigint,
  _inheriting: bigint,
  fdflags: number,
  opened: number,
): number {
  const start = directoryAt(guest, fd, Right.PATH_OPEN);
  mustHold(guest, opened, 4);
  // Before a file is made or cut for a descriptor that there is no number for.
  guest.table.mustHaveRoom();
  const requested = rights & start.inheriting;
  const options = openOptions(start, oflags, requested, fdflags);
  const found = openPath(start.directory, pathAt(guest, path, pathLength), options, (lookup & FOLLOW) !== 0);
  const descriptor = toDescriptor(found, start, requested, fdflags);
  guest.memory.view.setUint32(opened, addOrClose(guest, descriptor), true);
  return Errno.SUCCESS;
}

function openOptions(start: OpenDirectory, oflags: number, rights: bigint, fdflags: number): OpenOptions {
  const create = (oflags & Oflags.CREAT) !== 0;
  const truncate = (oflags & Oflags.TRUNC) !== 0;
  const directory = (oflags & Oflags.DIRECTORY) !== 0;
  if (oflags > ALL_OFLAGS || fdflags > ALL_FDFLAGS || (create && directory)) throw failure(Errno.INVAL);
  if (create && (start.rights & Right.PATH_CREATE_FILE) === 0n) throw failure(Errno.NOTCAPABLE);
  if (truncate && (start.rights & Right.PATH_FILESTAT_SET_SIZE) === 0n) throw failure(Errno.NOTCAPABLE);
  const write = (rights & FILE_WRITE_RIGHTS) !== 0n;
  return {
    read: !write || (rights & (Right.FD_READ | Right.FD_READDIR)) !== 0n,
    write,
    append: (fdflags & Fdflags.APPEND) !== 0,
    create,
    exclusive: (oflags & Oflags.EXCL) !== 0,
    truncate,
    directory,
    synchronous: (fdflags & (Fdflags.SYNC | Fdflags.DSYNC | Fdflags.RSYNC)) !== 0,
  };
}

export interface Found {
  readonly what: File | Directory;
  /** It must not be changed by any means. */
  readonly isReadOnly: boolean;
}

/** Opens what is at a path of several components below `start`; `follow` says whether a link at its end is followed. */
export function openPath(start: Directory, path: string, options: OpenOptions, follow: boolean): Found {
  const known = start.shortcut?.(path);
  const file = known?.from.openKnown(known.path, options);
  if (known !== undefined && file !== undefined) return { what: file, isReadOnly: known.from.isReadOnly('.') };
  const walk = new Walk(start, path);
  try {
    const what = openAtEnd(walk, options, follow);
    walk.note(path, what);
    return { what, isReadOnly: walk.parent.isReadOnly(walk.name) };
  } finally {
    walk.close();
  }
}

/** Opens what the walk has come to, through the links that are there. */
function openAtEnd(walk: Walk, options: OpenOptions, follow: boolean): File | Directory {
  for (;;) {
    const found = openStep(walk, options);
    if (typeof found !== 'string') return found;
    // As for the system, a slash at the end follows a link in any case.
    if (!follow && !walk.mustBeDirectory) throw failure(Errno.LOOP);
    walk.follow(found);
  }
}

function openStep(walk: Walk, options: OpenOptions): File | Directory | string {
  const { parent, name } = walk;
  if (walk.mustBeDirectory && options.create) throw failure(Errno.ISDIR);
  if (walk.isDirectoryItself) {
    if (options.create && options.exclusive) throw failure(Errno.EXIST);
    return closeUnlessWanted(parent.duplicate(), options);
  }
  const wanted = walk.mustBeDirectory ? { ...options, directory: true } : options;
  const found = parent.isReadOnly(name) ? openReadOnly(parent, name, wanted) : parent.open(name, wanted);
  return typeof found === 'string' ? found : closeUnlessWanted(found, wanted);
}

/** What is there is found before the file system's being read-only is, as on Linux. */
function openReadOnly(parent: Directory, name: string, options: OpenOptions): File | Directory | string {
  const readOnly = { ...options, read: true, write: false, append: false, create: false, truncate: false };
  let found: File | Directory | string;
  try {
    found = parent.open(name, readOnly);
  } catch (error) {
    const isMissing = options.create && isNoEntry(error);
    throw isMissing ? failure(Errno.ROFS) : error;
  }
  if (typeof found === 'string' || isDirectory(found)) return found;
  const isTaken = options.exclusive && options.create;
  if (!options.write && !options.truncate && !isTaken) return found;
  found.close();
  throw failure(isTaken ? Errno.EXIST : Errno.ROFS);
}

function closeUnlessWanted<T extends File | Directory>(found: T, options: OpenOptions): T {
  if (!isDirectory(found) || !(options.write || options.truncate || options.create)) return found;
  found.close();
  throw failure(options.create && options.exclusive ? Errno.EXIST : Errno.ISDIR);
}

function toDescriptor(
  { what, isReadOnly }: Found,
  start: OpenDirectory,
  requested: bigint,
  fdflags: number,
): OpenFile | OpenDirectory {
  if (isDirectory(what)) {
    const opened = new OpenDirectory(what, undefined, start.inheriting);
    opened.rights &= start.inheriting;
    return opened;
  }
  let rights = fileRights(requested, start.inheriting);
  if (isReadOnly) rights &= ~Right.FD_FILESTAT_SET_TIMES;
  return new OpenFile(what, rights, fdflags);
}

function addOrClose(guest: Guest, descriptor: OpenFile | OpenDirectory): number {
  try {
    return guest.table.add(descriptor);
  } catch (error) {
    descriptor.close();
    throw error;
  }
}

export function isDirectory(found: File | Directory): found is Directory {
  return 'descend' in found;
}

function isNoEntry(error: unknown): boolean {
  return error === failure(Errno.NOENT) || (error as { readonly code?: unknown }).code === 'ENOENT';
}
