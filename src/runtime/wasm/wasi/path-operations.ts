import { Filetype } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import type { Directory, FileStat, FileTimes } from './fs/directory.ts';
import { OverlayDirectory } from './fs/overlay.ts';
import type { Walk } from './fs/walk.ts';

/*
 * What is done at the end of a walk, whichever WASI asks for it. Each returns an errno or throws one; the caller closes
 * the walk.
 */

/** What is at the end of the walk; when told to follow, or with a slash behind it, after the links that are there. */
export function statAtEnd(walk: Walk, follow: boolean): FileStat {
  for (;;) {
    const stat = walk.isDirectoryItself ? walk.parent.statSelf() : walk.parent.stat(walk.name);
    const isLink = stat.filetype === Filetype.SYMBOLIC_LINK;
    if (isLink && (follow || walk.mustBeDirectory)) {
      walk.follow(walk.parent.readLink(walk.name));
      continue;
    }
    if (walk.mustBeDirectory && stat.filetype !== Filetype.DIRECTORY) throw failure(Errno.NOTDIR);
    return stat;
  }
}

export function setTimes(walk: Walk, follow: boolean, times: FileTimes): number {
  statAtEnd(walk, follow);
  const { parent, name } = walk;
  mustBeWritable(parent, name);
  if (walk.isDirectoryItself) parent.setTimesSelf(times);
  else parent.setTimes(name, times);
  return Errno.SUCCESS;
}

export function createDirectory(walk: Walk): number {
  const { parent, name } = walk;
  if (walk.isDirectoryItself) return Errno.EXIST;
  // `mkdir -p` counts on hearing of what exists, also where it could not be made.
  if (parent.isReadOnly(name)) return find(parent, name) === undefined ? Errno.ROFS : Errno.EXIST;
  parent.makeDirectory(name);
  return Errno.SUCCESS;
}

export function removeDirectory(walk: Walk): number {
  const { parent, name } = walk;
  if (walk.isDirectoryItself) return Errno.INVAL;
  mustBeWritable(parent, name);
  parent.removeDirectory(name);
  return Errno.SUCCESS;
}

export function unlinkFile(walk: Walk): number {
  const { parent, name } = walk;
  if (walk.isDirectoryItself) return Errno.ISDIR;
  if (walk.mustBeDirectory) return parent.stat(name).filetype === Filetype.DIRECTORY ? Errno.ISDIR : Errno.NOTDIR;
  mustBeWritable(parent, name);
  parent.unlink(name);
  return Errno.SUCCESS;
}

export function rename(from: Walk, to: Walk): number {
  if (from.isDirectoryItself || to.isDirectoryItself) return Errno.BUSY;
  // The system never sees the slash: there it would follow a link. Only a directory may have one.
  const needsDirectory = from.mustBeDirectory || to.mustBeDirectory;
  if (needsDirectory && from.parent.stat(from.name).filetype !== Filetype.DIRECTORY) return Errno.NOTDIR;
  mustBeWritable(from.parent, from.name);
  mustBeWritable(to.parent, to.name);
  mustBeOneVolume(from.parent, to.parent);
  from.parent.renameTo(from.name, OverlayDirectory.holder(to.parent, to.name), to.name);
  return Errno.SUCCESS;
}

export function hardLink(from: Walk, follow: boolean, to: Walk): number {
  if (follow || from.mustBeDirectory) statAtEnd(from, follow);
  if (from.isDirectoryItself) return Errno.PERM;
  if (to.isDirectoryItself) return Errno.EXIST;
  if (to.mustBeDirectory) return find(to.parent, to.name) === undefined ? Errno.NOENT : Errno.EXIST;
  mustBeWritable(from.parent, from.name);
  mustBeWritable(to.parent, to.name);
  mustBeOneVolume(from.parent, to.parent);
  from.parent.linkTo(from.name, OverlayDirectory.holder(to.parent, to.name), to.name);
  return Errno.SUCCESS;
}

/** An absolute target could not be followed here and would lead others out of the volume. */
export function makeLink(walk: Walk, target: string): number {
  if (target === '') return Errno.NOENT;
  if (target.startsWith('/')) return Errno.NOTCAPABLE;
  const { parent, name } = walk;
  if (walk.isDirectoryItself) return Errno.EXIST;
  if (walk.mustBeDirectory) return find(parent, name) === undefined ? Errno.NOENT : Errno.EXIST;
  mustBeWritable(parent, name);
  parent.makeLink(name, target);
  return Errno.SUCCESS;
}

export function readLink(walk: Walk): string {
  if (walk.isDirectoryItself || walk.mustBeDirectory) throw failure(Errno.INVAL);
  return walk.parent.readLink(walk.name);
}

function find(parent: Directory, name: string): FileStat | undefined {
  try {
    return parent.stat(name);
  } catch {
    // NOENT, and what may not even be asked for.
    return undefined;
  }
}

function mustBeWritable(directory: Directory, name: string): void {
  if (directory.isReadOnly(name)) throw failure(Errno.ROFS);
}

function mustBeOneVolume(a: Directory, b: Directory): void {
  if (a.volume !== b.volume) throw failure(Errno.XDEV);
}
