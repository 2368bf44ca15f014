import { createHash } from 'node:crypto';

import { Filetype } from '../../wasi/descriptor.ts';
import { Errno, errnoOf, failure } from '../../wasi/errno.ts';
import type { Directory, File, FileStat, OpenOptions } from '../../wasi/fs/directory.ts';
import { OpenDirectory } from '../../wasi/fs/open-directory.ts';
import { OpenFile } from '../../wasi/fs/open-file.ts';
import { Walk } from '../../wasi/fs/walk.ts';
import { isDirectory, openPath } from '../../wasi/path-open.ts';
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
} from '../../wasi/path-operations.ts';
import { AbiError } from '../abi/handles.ts';
import { type Datetime, fromDatetime, toDatetime } from './clocks.ts';
import { fileSink, fileSource } from './descriptor-streams.ts';
import { ERROR_CODES } from './filesystem-errors.ts';
import { type ComponentGuest, err, type HostInterface, ok, OK, resource, type Result } from './interface.ts';
import type { IoError } from './streams.ts';

/** An open file or directory, with what may be done with it. */
class Descriptor {
  readonly what: { readonly file: File } | { readonly directory: Directory };
  readonly flags: number;
  /** It is on a mount that must not be changed. */
  readonly isReadOnly: boolean;
  readonly #guest: ComponentGuest;
  readonly #fd: number | undefined;

  constructor(guest: ComponentGuest, what: File | Directory, how: DescriptorOptions) {
    const { flags, isReadOnly = false, isPreopened = false } = how;
    this.#guest = guest;
    this.flags = flags;
    this.isReadOnly = isReadOnly;
    this.what = isDirectory(what) ? { directory: what } : { file: what };
    // The tree's root is the host's to close.
    if (!isPreopened) this.#fd = addOrClose(guest, what);
  }

  get directory(): Directory {
    if ('directory' in this.what) return this.what.directory;
    throw failure(Errno.NOTDIR);
  }

  /** `access` is the flag without which it is a bad descriptor. */
  file(access = 0): File {
    if (!('file' in this.what)) throw failure(Errno.ISDIR);
    if ((this.flags & access) !== access) throw failure(Errno.BADF);
    return this.what.file;
  }

  stat(): FileStat {
    return 'file' in this.what ? this.what.file.stat() : this.what.directory.statSelf();
  }

  drop(): void {
    if (this.#fd !== undefined) this.#guest.table.close(this.#fd);
  }
}

interface DescriptorOptions {
  readonly flags: number;
  readonly isReadOnly?: boolean;
  readonly isPreopened?: boolean;
}

/** `descriptor-flags` */
const Flag = { READ: 1, WRITE: 2, FILE_SYNC: 4, DATA_SYNC: 8, WRITE_SYNC: 16, MUTATE_DIRECTORY: 32 } as const;
/** `open-flags` */
const Open = { CREATE: 1, DIRECTORY: 2, EXCLUSIVE: 4, TRUNCATE: 8 } as const;
/** `path-flags` */
const FOLLOW = 1;

type NewTime =
  | { readonly tag: 'no-change' }
  | { readonly tag: 'now' }
  | { readonly tag: 'timestamp'; readonly val: Datetime };

function addOrClose(guest: ComponentGuest, what: File | Directory): number {
  try {
    return guest.table.add(isDirectory(what) ? new OpenDirectory(what) : new OpenFile(what, 0n, 0));
  } catch (error) {
    what.close();
    throw error;
  }
}

/** Runs a function of the file system; what it throws of errors is what the guest gets. */
function attempt<T>(run: () => T): Result<T, string> {
  try {
    return ok(run());
  } catch (error) {
    if (error instanceof AbiError || error instanceof TypeError) throw error;
    return err(errorCode(errnoOf(error)));
  }
}

function errorCode(errno: number): string {
  return ERROR_CODES.get(errno) ?? 'io';
}

/** As `attempt`, for what returns an errno. */
function perform(run: () => number): Result<undefined, string> {
  const done = attempt(run);
  if (done.tag === 'err') return done;
  return done.val === Errno.SUCCESS ? OK : err(errorCode(done.val));
}

function walking<T>(start: Descriptor, path: string, run: (walk: Walk) => T): T {
  const walk = new Walk(start.directory, mustBePath(path));
  try {
    return run(walk);
  } finally {
    walk.close();
  }
}

function mustBePath(path: string): string {
  if (path.includes('\0')) throw failure(Errno.ILSEQ);
  return path;
}

/** Both ends of a rename or link. */
function walkingTwo(
  [from, fromPath]: readonly [Descriptor, string],
  [to, toPath]: readonly [Descriptor, string],
  run: (from: Walk, to: Walk) => number,
): number {
  return walking(from, fromPath, (first) => walking(to, toPath, (second) => run(first, second)));
}

function openAt(guest: ComponentGuest, start: Descriptor, path: string, how: OpenRequest): Descriptor {
  const { pathFlags, openFlags, flags } = how;
  guest.table.mustHaveRoom();
  const write = (flags & Flag.WRITE) !== 0;
  const options: OpenOptions = {
    read: !write || (flags & Flag.READ) !== 0,
    write,
    append: false,
    create: (openFlags & Open.CREATE) !== 0,
    exclusive: (openFlags & Open.EXCLUSIVE) !== 0,
    truncate: (openFlags & Open.TRUNCATE) !== 0,
    directory: (openFlags & Open.DIRECTORY) !== 0,
    synchronous: (flags & (Flag.FILE_SYNC | Flag.DATA_SYNC | Flag.WRITE_SYNC)) !== 0,
  };
  if (options.create && options.directory) throw failure(Errno.INVAL);
  const { what, isReadOnly } = openPath(start.directory, mustBePath(path), options, (pathFlags & FOLLOW) !== 0);
  return new Descriptor(guest, what, { flags: isDirectory(what) ? flags | Flag.READ : flags, isReadOnly });
}

interface OpenRequest {
  readonly pathFlags: number;
  readonly openFlags: number;
  readonly flags: number;
}

/** A stream that appends needs a file that was opened so: another one on the same inode would race with nobody. */
function append(descriptor: Descriptor): ReturnType<typeof fileSink> {
  const file = descriptor.file(Flag.WRITE);
  file.setAppend(true);
  return fileSink(file, undefined);
}

/** A stream at a position; the file may have been appended to before. */
function writeFrom(descriptor: Descriptor, offset: bigint): ReturnType<typeof fileSink> {
  const file = descriptor.file(Flag.WRITE);
  file.setAppend(false);
  return fileSink(file, toPosition(offset));
}

function toPosition(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw failure(Errno.INVAL);
  return Number(offset);
}

function newTime(guest: ComponentGuest, time: NewTime): bigint | undefined {
  if (time.tag === 'no-change') return undefined;
  return time.tag === 'now' ? guest.clock.realtimeNs() : fromDatetime(time.val);
}

function times(guest: ComponentGuest, accessed: NewTime, modified: NewTime): Parameters<typeof setTimes>[2] {
  return { accessedNs: newTime(guest, accessed), modifiedNs: newTime(guest, modified) };
}

const TYPES: ReadonlyMap<Filetype, string> = new Map([
  [Filetype.BLOCK_DEVICE, 'block-device'],
  [Filetype.CHARACTER_DEVICE, 'character-device'],
  [Filetype.DIRECTORY, 'directory'],
  [Filetype.REGULAR_FILE, 'regular-file'],
  [Filetype.SYMBOLIC_LINK, 'symbolic-link'],
  [Filetype.SOCKET_DGRAM, 'socket'],
  [Filetype.SOCKET_STREAM, 'socket'],
]);

function typeName(filetype: Filetype): string {
  return TYPES.get(filetype) ?? 'unknown';
}

function statRecord(stat: FileStat): unknown {
  return {
    type: typeName(stat.filetype),
    linkCount: stat.links,
    size: stat.size,
    dataAccessTimestamp: toDatetime(stat.accessedNs),
    dataModificationTimestamp: toDatetime(stat.modifiedNs),
    statusChangeTimestamp: toDatetime(stat.changedNs),
  };
}

/** Two files are the same when their hashes are; by the inode, and not by what changes with every write. */
function hash(stat: FileStat): unknown {
  const digest = createHash('sha256').update(`${stat.device}:${stat.inode}`).digest();
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
}

function readAt(descriptor: Descriptor, length: bigint, offset: bigint): readonly [Uint8Array, boolean] {
  const bytes = new Uint8Array(Math.min(Number(length), READ_LIMIT));
  const n = descriptor.file(Flag.READ).read([bytes], toPosition(offset));
  return [bytes.subarray(0, n), n === 0 && bytes.length > 0];
}

const READ_LIMIT = 1 << 20;

function writeAt(descriptor: Descriptor, bytes: Uint8Array, offset: bigint): bigint {
  const file = descriptor.file(Flag.WRITE);
  file.setAppend(false);
  return BigInt(file.write([bytes], toPosition(offset)));
}

interface EntryStream {
  readonly entries: Iterator<{ readonly name: string; readonly filetype: Filetype }>;
}

/** `wasi:filesystem/types`, on the same confined walk and mounts as preview1. */
const TYPES_INTERFACE: HostInterface = {
  resources: { descriptor: resource('descriptor'), 'directory-entry-stream': resource('directory-entry-stream') },
  functions: {
    '[method]descriptor.read-via-stream': (_g: ComponentGuest, d: Descriptor, offset: bigint) =>
      attempt(() => fileSource(d.file(Flag.READ), toPosition(offset))),
    '[method]descriptor.write-via-stream': (_g: ComponentGuest, d: Descriptor, offset: bigint) =>
      attempt(() => writeFrom(d, offset)),
    '[method]descriptor.append-via-stream': (_g: ComponentGuest, d: Descriptor) => attempt(() => append(d)),
    // How a file will be used: Node has no call for it, and a system may ignore it.
    '[method]descriptor.advise': (_g: ComponentGuest, d: Descriptor) => perform(() => (d.file(), Errno.SUCCESS)),
    '[method]descriptor.sync-data': (_g: ComponentGuest, d: Descriptor) => attempt(() => sync(d, true)),
    '[method]descriptor.sync': (_g: ComponentGuest, d: Descriptor) => attempt(() => sync(d, false)),
    '[method]descriptor.get-flags': (_g: ComponentGuest, d: Descriptor) => ok(d.flags),
    '[method]descriptor.get-type': (_g: ComponentGuest, d: Descriptor) => attempt(() => typeName(d.stat().filetype)),
    '[method]descriptor.set-size': (_g: ComponentGuest, d: Descriptor, size: bigint) =>
      attempt(() => d.file(Flag.WRITE).setSize(toPosition(size))),
    '[method]descriptor.set-times': (g: ComponentGuest, d: Descriptor, accessed: NewTime, modified: NewTime) =>
      attempt(() => setOwnTimes(d, times(g, accessed, modified))),
    '[method]descriptor.read': (_g: ComponentGuest, d: Descriptor, length: bigint, offset: bigint) =>
      attempt(() => readAt(d, length, offset)),
    '[method]descriptor.write': (_g: ComponentGuest, d: Descriptor, bytes: Uint8Array, offset: bigint) =>
      attempt(() => writeAt(d, bytes, offset)),
    '[method]descriptor.read-directory': (_g: ComponentGuest, d: Descriptor) =>
      attempt((): EntryStream => ({ entries: d.directory.list()[Symbol.iterator]() })),
    '[method]descriptor.create-directory-at': (_g: ComponentGuest, d: Descriptor, path: string) =>
      perform(() => walking(d, path, createDirectory)),
    '[method]descriptor.stat': (_g: ComponentGuest, d: Descriptor) => attempt(() => statRecord(d.stat())),
    '[method]descriptor.stat-at': (_g: ComponentGuest, d: Descriptor, flags: number, path: string) =>
      attempt(() => walking(d, path, (walk) => statRecord(statAtEnd(walk, (flags & FOLLOW) !== 0)))),
    '[method]descriptor.set-times-at': (
      g: ComponentGuest,
      d: Descriptor,
      flags: number,
      path: string,
      accessed: NewTime,
      modified: NewTime,
    ) =>
      perform(() => walking(d, path, (walk) => setTimes(walk, (flags & FOLLOW) !== 0, times(g, accessed, modified)))),
    '[method]descriptor.link-at': (
      _g: ComponentGuest,
      d: Descriptor,
      flags: number,
      path: string,
      to: Descriptor,
      toPath: string,
    ) => perform(() => walkingTwo([d, path], [to, toPath], (a, b) => hardLink(a, (flags & FOLLOW) !== 0, b))),
    '[method]descriptor.open-at': (
      g: ComponentGuest,
      d: Descriptor,
      pathFlags: number,
      path: string,
      openFlags: number,
      flags: number,
    ) => attempt(() => openAt(g, d, path, { pathFlags, openFlags, flags })),
    '[method]descriptor.readlink-at': (_g: ComponentGuest, d: Descriptor, path: string) =>
      attempt(() => walking(d, path, readLink)),
    '[method]descriptor.remove-directory-at': (_g: ComponentGuest, d: Descriptor, path: string) =>
      perform(() => walking(d, path, removeDirectory)),
    '[method]descriptor.rename-at': (_g: ComponentGuest, d: Descriptor, path: string, to: Descriptor, toPath: string) =>
      perform(() => walkingTwo([d, path], [to, toPath], rename)),
    '[method]descriptor.symlink-at': (_g: ComponentGuest, d: Descriptor, target: string, path: string) =>
      perform(() => walking(d, path, (walk) => makeLink(walk, mustBePath(target)))),
    '[method]descriptor.unlink-file-at': (_g: ComponentGuest, d: Descriptor, path: string) =>
      perform(() => walking(d, path, unlinkFile)),
    '[method]descriptor.is-same-object': (_g: ComponentGuest, d: Descriptor, other: Descriptor) => isSame(d, other),
    '[method]descriptor.metadata-hash': (_g: ComponentGuest, d: Descriptor) => attempt(() => hash(d.stat())),
    '[method]descriptor.metadata-hash-at': (_g: ComponentGuest, d: Descriptor, flags: number, path: string) =>
      attempt(() => walking(d, path, (walk) => hash(statAtEnd(walk, (flags & FOLLOW) !== 0)))),
    '[method]directory-entry-stream.read-directory-entry': (_g: ComponentGuest, stream: EntryStream) => {
      const next = stream.entries.next();
      return ok(next.done === true ? undefined : { type: typeName(next.value.filetype), name: next.value.name });
    },
    'filesystem-error-code': (_g: ComponentGuest, error: IoError) =>
      error.errno === undefined ? undefined : errorCode(error.errno),
  },
};

function sync(descriptor: Descriptor, dataOnly: boolean): void {
  if ('file' in descriptor.what) descriptor.what.file.sync(dataOnly);
  else descriptor.what.directory.syncSelf();
}

function setOwnTimes(descriptor: Descriptor, to: Parameters<typeof setTimes>[2]): void {
  if ('file' in descriptor.what) {
    if (descriptor.isReadOnly) throw failure(Errno.ROFS);
    descriptor.what.file.setTimes(to);
    return;
  }
  if (descriptor.directory.isReadOnly('.')) throw failure(Errno.ROFS);
  descriptor.directory.setTimesSelf(to);
}

function isSame(a: Descriptor, b: Descriptor): boolean {
  const [one, other] = [a.stat(), b.stat()];
  return one.device === other.device && one.inode === other.inode;
}

export const FILESYSTEM: Readonly<Record<string, HostInterface>> = {
  'wasi:filesystem/types': TYPES_INTERFACE,
  'wasi:filesystem/preopens': {
    functions: {
      'get-directories': (guest: ComponentGuest) => [
        [new Descriptor(guest, guest.root, { flags: Flag.READ | Flag.MUTATE_DIRECTORY, isPreopened: true }), '/'],
      ],
    },
  },
};
