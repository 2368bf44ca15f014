import { Errno, failure } from '../errno.ts';
import { Filetype } from '../descriptor.ts';
import type { Directory, DirectoryEntry, File, FileStat, FileTimes, OpenOptions, Shortcut } from './directory.ts';

/** What is mounted at a name: a directory, or one file that has the name `name` in `parent`. */
export type MountPoint =
  | { readonly kind: 'directory'; readonly directory: Directory }
  | { readonly kind: 'file'; readonly parent: Directory; readonly name: string };

/** A directory in which some names are mount points. They hide what is below and can be neither removed nor renamed. */
export class OverlayDirectory implements Directory {
  readonly #base: Directory;
  readonly #points: ReadonlyMap<string, MountPoint>;
  /** Whether `close` closes the mounted directories too: the root does, handles that guests open do not. */
  readonly #ownsPoints: boolean;

  constructor(base: Directory, points: ReadonlyMap<string, MountPoint>, ownsPoints = true) {
    this.#base = base;
    this.#points = points;
    this.#ownsPoints = ownsPoints;
  }

  /**
   * The directory that really holds `name`, for calls that change it and for those with two directories.
   * BUSY when `name` is a mount point.
   */
  static holder(directory: Directory, name: string): Directory {
    if (!(directory instanceof OverlayDirectory)) return directory;
    return directory.#holderOf(name);
  }

  isReadOnly(name: string): boolean {
    const point = this.#points.get(name);
    if (point === undefined) return this.#base.isReadOnly(name);
    return point.kind === 'directory' ? point.directory.isReadOnly('.') : point.parent.isReadOnly(point.name);
  }

  get volume(): object {
    return this.#base.volume;
  }

  descend(name: string): Directory | string {
    const point = this.#points.get(name);
    if (point === undefined) return this.#base.descend(name);
    if (point.kind === 'file') throw failure(Errno.NOTDIR);
    return point.directory.duplicate();
  }

  open(name: string, options: OpenOptions): File | Directory | string {
    const point = this.#points.get(name);
    if (point === undefined) return this.#base.open(name, options);
    if (options.create && options.exclusive) throw failure(Errno.EXIST);
    if (point.kind === 'directory') return point.directory.duplicate();
    return point.parent.open(point.name, { ...options, create: false });
  }

  duplicate(): OverlayDirectory {
    return new OverlayDirectory(this.#base.duplicate(), this.#points, false);
  }

  close(): void {
    this.#base.close();
    if (!this.#ownsPoints) return;
    for (const point of this.#points.values()) {
      if (point.kind === 'directory') point.directory.close();
      else point.parent.close();
    }
  }

  stat(name: string): FileStat {
    const point = this.#points.get(name);
    if (point === undefined) return this.#base.stat(name);
    return point.kind === 'directory' ? point.directory.statSelf() : point.parent.stat(point.name);
  }

  statSelf(): FileStat {
    return this.#base.statSelf();
  }

  list(): readonly DirectoryEntry[] {
    const below = this.#base.list().filter((entry) => !this.#points.has(entry.name));
    const points = Array.from(this.#points, ([name, point]) => ({
      name,
      filetype: point.kind === 'directory' ? Filetype.DIRECTORY : Filetype.REGULAR_FILE,
    }));
    return [...points, ...below];
  }

  readLink(name: string): string {
    if (this.#points.has(name)) throw failure(Errno.INVAL);
    return this.#base.readLink(name);
  }

  makeDirectory(name: string): void {
    if (this.#points.has(name)) throw failure(Errno.EXIST);
    this.#base.makeDirectory(name);
  }

  removeDirectory(name: string): void {
    this.#holderOf(name).removeDirectory(name);
  }

  unlink(name: string): void {
    this.#holderOf(name).unlink(name);
  }

  makeLink(name: string, target: string): void {
    if (this.#points.has(name)) throw failure(Errno.EXIST);
    this.#base.makeLink(name, target);
  }

  linkTo(name: string, to: Directory, toName: string): void {
    this.#holderOf(name).linkTo(name, to, toName);
  }

  renameTo(name: string, to: Directory, toName: string): void {
    this.#holderOf(name).renameTo(name, to, toName);
  }

  setTimes(name: string, times: FileTimes): void {
    const point = this.#points.get(name);
    if (point === undefined) this.#base.setTimes(name, times);
    else if (point.kind === 'directory') point.directory.setTimesSelf(times);
    else point.parent.setTimes(point.name, times);
  }

  setTimesSelf(times: FileTimes): void {
    this.#base.setTimesSelf(times);
  }

  syncSelf(): void {
    this.#base.syncSelf();
  }

  shortcut(path: string): Shortcut | undefined {
    const end = path.indexOf('/');
    const point = this.#points.get(end < 0 ? path : path.slice(0, end));
    if (point === undefined) return this.#base.shortcut?.(path);
    if (point.kind === 'file' || end < 0) return undefined;
    return point.directory.shortcut?.(path.slice(end + 1));
  }

  #holderOf(name: string): Directory {
    if (this.#points.has(name)) throw failure(Errno.BUSY);
    return this.#base;
  }
}
