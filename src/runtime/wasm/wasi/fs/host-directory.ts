import fs from 'node:fs';
import { WcError } from '../../../../model/diagnostic.ts';
import { Filetype } from '../descriptor.ts';
import { Errno, failure } from '../errno.ts';
import type { Directory, DirectoryEntry, File, FileStat, FileTimes, OpenOptions, Shortcut } from './directory.ts';
import { HostFile } from './host-file.ts';
import { HostHandle } from './host-handle.ts';
import { HostTimes, toFileStat, toSeconds } from './host-stat.ts';
import { KnownPlaces, O_PATH } from './known-places.ts';
import { privileged } from './privileged.ts';

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } =
  fs.constants;
/** Masked by the umask of this process, as those of every program here. Never setuid: WASI has no modes. */
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
/** How often somebody may swap a name for a link and back before we give up on it. */
const ATTEMPTS = 8;

/**
 * A directory of the host, held by a descriptor. A child is reached as `/proc/self/fd/<descriptor>/<name>`, which the
 * kernel resolves like openat(): whatever happens to the path by which this directory was once opened does not matter.
 * `name` itself is never followed (O_NOFOLLOW, or calls that do not follow by nature).
 */
export class HostDirectory implements Directory {
  readonly volume: HostVolume;
  readonly #handle: HostHandle;
  /** `/proc/self/fd/<fd>/` */
  readonly #prefix: string;
  #open = true;

  private constructor(volume: HostVolume, handle: HostHandle) {
    this.volume = volume;
    this.#handle = handle;
    this.#prefix = prefixOf(handle);
  }

  /** Throws ERR_MOUNT when `path` is no directory, and on a system that has no way to hold a guest inside of it. */
  static openRoot(path: string, readOnly: boolean): HostDirectory {
    if (!isConfinementPossible()) {
      throw new WcError('ERR_MOUNT', `cannot mount ${path}: this system has no /proc/self/fd`, {
        hint: 'A Wasm service can be kept inside of a host directory on Linux only. Use a container or a tmpfs mount.',
      });
    }
    try {
      const root = new HostHandle(fs.openSync(path, O_PATH | O_DIRECTORY), () => known.close());
      const known = new KnownPlaces(prefixOf(root));
      return new HostDirectory({ readOnly, root, known, times: new HostTimes() }, root);
    } catch (error) {
      throw new WcError('ERR_MOUNT', `cannot mount ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  isReadOnly(): boolean {
    return this.volume.readOnly;
  }

  descend(name: string): HostDirectory | string {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const fd = fs.openSync(this.#at(name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        return this.#child(new HostHandle(fd));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
      }
      // A file or a link.
      const target = this.#linkTarget(name);
      if (target !== undefined) return target;
      if (fs.lstatSync(this.#at(name)).isDirectory()) continue;
      throw failure(Errno.NOTDIR);
    }
    throw failure(Errno.AGAIN);
  }

  open(name: string, options: OpenOptions): File | Directory | string {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const opened = options.create ? this.#create(name, options) : this.#openExisting(name, options);
      if (opened !== undefined) return opened;
    }
    throw failure(Errno.AGAIN);
  }

  duplicate(): HostDirectory {
    return this.#child(this.#handle.retain());
  }

  close(): void {
    // Never twice: the number may be somebody else's by then.
    if (!this.#open) return;
    this.#open = false;
    this.#handle.release();
  }

  /** Only the root knows whole paths: below it, most paths have one component. */
  shortcut(path: string): Shortcut | undefined {
    return this.#handle === this.volume.root ? { from: this, path } : undefined;
  }

  openKnown(path: string, options: OpenOptions): File | undefined {
    // The walk knows what is wrong with these.
    if (options.directory || (options.create && options.exclusive)) return undefined;
    if (this.volume.readOnly && (options.write || options.truncate)) return undefined;
    const handle = this.volume.known.file(path);
    return handle === undefined ? undefined : this.#reopen(handle.fd, options);
  }

  descendKnown(path: string): HostDirectory | undefined {
    const handle = this.volume.known.directory(path);
    return handle === undefined ? undefined : this.#child(handle.retain());
  }

  noteKnown(path: string, found: File | Directory): void {
    if (found instanceof HostDirectory) this.volume.known.noteDirectory(path, found.#handle);
    else if (found instanceof HostFile) this.volume.known.noteFile(path, found.fd);
  }

  stat(name: string): FileStat {
    const stat = fs.lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) throw failure(Errno.NOENT);
    return this.volume.times.correct(toFileStat(stat));
  }

  statSelf(): FileStat {
    return this.volume.times.correct(toFileStat(fs.fstatSync(this.#handle.fd, { bigint: true })));
  }

  list(): readonly DirectoryEntry[] {
    return fs
      .readdirSync(this.#at('.'), { withFileTypes: true })
      .map((entry) => ({ name: entry.name, filetype: entryType(entry) }));
  }

  readLink(name: string): string {
    return fs.readlinkSync(this.#at(name));
  }

  makeDirectory(name: string): void {
    fs.mkdirSync(this.#at(name), DIRECTORY_MODE);
  }

  removeDirectory(name: string): void {
    fs.rmdirSync(this.#at(name));
    this.volume.known.forget(name);
  }

  unlink(name: string): void {
    fs.unlinkSync(this.#at(name));
    this.volume.known.forget(name);
  }

  makeLink(name: string, target: string): void {
    privileged().symlink(this.#handle.fd, name, target);
  }

  linkTo(name: string, to: Directory, toName: string): void {
    // link() does not follow: a link planted at `name` gets a second name, what it points at does not.
    fs.linkSync(this.#at(name), this.#peer(to).#at(toName));
  }

  renameTo(name: string, to: Directory, toName: string): void {
    fs.renameSync(this.#at(name), this.#peer(to).#at(toName));
    this.volume.known.forget(name);
    this.volume.known.forget(toName);
  }

  setTimes(name: string, times: FileTimes): void {
    const stat = this.stat(name);
    const accessedNs = times.accessedNs ?? stat.accessedNs;
    const modifiedNs = times.modifiedNs ?? stat.modifiedNs;
    fs.lutimesSync(this.#at(name), toSeconds(accessedNs), toSeconds(modifiedNs));
    this.volume.times.remember(stat, accessedNs, modifiedNs);
  }

  setTimesSelf(times: FileTimes): void {
    this.setTimes('.', times);
  }

  syncSelf(): void {
    const fd = fs.openSync(this.#at('.'), O_RDONLY | O_DIRECTORY);
    try {
      privileged().sync(fd, false);
    } finally {
      fs.closeSync(fd);
    }
  }

  #at(name: string): string {
    return this.#prefix + name;
  }

  #child(handle: HostHandle): HostDirectory {
    return new HostDirectory(this.volume, handle);
  }

  #peer(directory: Directory): HostDirectory {
    if (!(directory instanceof HostDirectory) || directory.volume !== this.volume) throw failure(Errno.XDEV);
    return directory;
  }

  /** Undefined: the name is something else than it was a moment ago. */
  #create(name: string, options: OpenOptions): File | Directory | string | undefined {
    // To ask first is cheaper than to fail: an exception costs as much as four system calls.
    const known = options.exclusive ? undefined : fs.lstatSync(this.#at(name), { throwIfNoEntry: false });
    if (known !== undefined) return this.#openExisting(name, options);
    const flags = accessFlags(options) | O_CREAT | O_EXCL | O_NOFOLLOW;
    try {
      return new HostFile(this.volume.times, fs.openSync(this.#at(name), flags, FILE_MODE), options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && !options.exclusive) return undefined;
      throw error;
    }
  }

  #openExisting(name: string, options: OpenOptions): File | Directory | string | undefined {
    const handle = this.#hold(name, options.create);
    if (handle === undefined) return undefined;
    let keep = false;
    try {
      // What the handle holds cannot change its kind any more; only now is it safe to open it.
      const stat = fs.fstatSync(handle);
      if (stat.isSymbolicLink()) return this.#linkTarget(name);
      if (stat.isDirectory()) {
        keep = true;
        return this.#child(new HostHandle(handle));
      }
      if (options.directory) throw failure(Errno.NOTDIR);
      // To open a FIFO can block, to open a device can do anything.
      if (!stat.isFile()) throw failure(Errno.NOTCAPABLE);
      return this.#reopen(handle, options);
    } finally {
      if (!keep) fs.closeSync(handle);
    }
  }

  /** What a handle holds, which is known to be a regular file. */
  #reopen(handle: number, options: OpenOptions): HostFile {
    const flags = accessFlags(options) | (options.truncate ? O_TRUNC : 0);
    return new HostFile(this.volume.times, fs.openSync(`/proc/self/fd/${handle}`, flags), options);
  }

  #hold(name: string, mayVanish: boolean): number | undefined {
    try {
      return fs.openSync(this.#at(name), O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (mayVanish && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Undefined when `name` is no link. */
  #linkTarget(name: string): string | undefined {
    try {
      return fs.readlinkSync(this.#at(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
      throw error;
    }
  }
}

/** What the directories of one mount share; its identity is what `Directory.volume` compares. */
interface HostVolume {
  readonly readOnly: boolean;
  readonly root: HostHandle;
  readonly known: KnownPlaces;
  readonly times: HostTimes;
}

function prefixOf(handle: HostHandle): string {
  return `/proc/self/fd/${handle.fd}/`;
}

/**
 * Whether this system has what `HostDirectory` is built on. Elsewhere (macOS) there is no way to open relative to a
 * descriptor from Node: what is left is to check a path and then to use it, and whoever else can write to the volume can
 * swap a directory for a link in between. A mount that does not hold would be worse than none, so there is none.
 */
export function isConfinementPossible(): boolean {
  return process.platform === 'linux' && fs.existsSync('/proc/self/fd');
}

function accessFlags(options: OpenOptions): number {
  let flags = options.write ? (options.read ? O_RDWR : O_WRONLY) : O_RDONLY;
  // Truncation needs write access, whatever the descriptor may do afterwards.
  if (options.truncate && !options.write) flags = O_RDWR;
  if (options.append) flags |= O_APPEND;
  if (options.synchronous) flags |= O_SYNC;
  return flags | O_NONBLOCK;
}

function entryType(entry: fs.Dirent): Filetype {
  if (entry.isFile()) return Filetype.REGULAR_FILE;
  if (entry.isDirectory()) return Filetype.DIRECTORY;
  if (entry.isSymbolicLink()) return Filetype.SYMBOLIC_LINK;
  if (entry.isCharacterDevice()) return Filetype.CHARACTER_DEVICE;
  if (entry.isBlockDevice()) return Filetype.BLOCK_DEVICE;
  if (entry.isSocket()) return Filetype.SOCKET_STREAM;
  return Filetype.UNKNOWN;
}
