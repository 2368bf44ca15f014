import type { Filetype } from '../descriptor.ts';

/**
 * A directory of some file system, as the path walk sees it. Every `name` is ONE component: no slash, not empty, not
 * '.' or '..'. No method follows a symbolic link; it returns the link's target as a string instead, and the walk
 * goes on from there. Failures are thrown, as WasiError or as an error of Node's with a `code`.
 */
export interface Directory {
  /** Whether `name`, or the directory itself when it is '.', must not be changed. Callers ask before they change. */
  isReadOnly(name: string): boolean;
  /** The same object for directories between which files can be renamed and linked. */
  readonly volume: object;
  /** The directory `name`, for the caller to close, or the target of the link that is there. */
  descend(name: string): Directory | string;
  /** Opens or creates `name`; the caller closes what it gets. A string is the target of the link that is there. */
  open(name: string, options: OpenOptions): File | Directory | string;
  /** Another handle of this directory, for the caller to close. */
  duplicate(): Directory;
  close(): void;
  stat(name: string): FileStat;
  statSelf(): FileStat;
  list(): readonly DirectoryEntry[];
  /** INVAL when `name` is no link. */
  readLink(name: string): string;
  makeDirectory(name: string): void;
  removeDirectory(name: string): void;
  unlink(name: string): void;
  makeLink(name: string, target: string): void;
  /** A hard link `toName` in `to` to the file `name`. XDEV unless the volumes are the same. */
  linkTo(name: string, to: Directory, toName: string): void;
  renameTo(name: string, to: Directory, toName: string): void;
  setTimes(name: string, times: FileTimes): void;
  setTimesSelf(times: FileTimes): void;
  syncSelf(): void;
  /** Where places below this directory are known by their whole path; undefined: nowhere. */
  shortcut?(path: string): Shortcut | undefined;
}

/** A directory that knows some places below it, and the way from there. */
export interface Shortcut {
  readonly from: KnowingDirectory;
  readonly path: string;
}

/**
 * Remembers for a moment what is at a path of several components, so that it is not walked to again. Only what a walk
 * through no link has come to may be noted. What is found is at the path now; undefined says nothing, and the walk goes
 * its way.
 */
export interface KnowingDirectory extends Directory {
  openKnown(path: string, options: OpenOptions): File | undefined;
  descendKnown(path: string): Directory | undefined;
  noteKnown(path: string, found: File | Directory): void;
}

/** An open file. Positions and sizes are bytes, at most 2^53. */
export interface File {
  readonly filetype: Filetype;
  /** Fills the buffers from `position`; returns the number of bytes, 0 at the end of the file. */
  read(into: readonly Uint8Array[], position: number): number;
  /** Position -1 appends; the file has to be open with `append` then. */
  write(from: readonly Uint8Array[], position: number): number;
  stat(): FileStat;
  size(): number;
  setSize(size: number): void;
  /** Makes the file at least `size` long, with zeros. Never cuts it, whoever else writes to it meanwhile. */
  extend(size: number): void;
  setTimes(times: FileTimes): void;
  sync(dataOnly: boolean): void;
  /** Turns `append` on or off. */
  setAppend(append: boolean): void;
  close(): void;
}

export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  /** NOTDIR unless a directory is there. */
  readonly directory: boolean;
  /** Every write reaches the disk before it returns. */
  readonly synchronous: boolean;
}

export interface FileStat {
  readonly device: bigint;
  readonly inode: bigint;
  readonly filetype: Filetype;
  readonly links: bigint;
  readonly size: bigint;
  /** Nanoseconds since the epoch, as the other two. */
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly filetype: Filetype;
}

/** New times of a file, nanoseconds since the epoch; undefined leaves one as it is. */
export interface FileTimes {
  readonly accessedNs: bigint | undefined;
  readonly modifiedNs: bigint | undefined;
}

/** A directory that a guest finds open when it starts. The host closes it when the guest has ended. */
export interface Mount {
  /** The absolute path the guest knows it by. */
  readonly guestPath: string;
  readonly directory: Directory;
}

/** One that is made when the guest first uses it. */
export interface LazyMount {
  readonly guestPath: string;
  readonly directory: () => Directory;
}
