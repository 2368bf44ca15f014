import fs from 'node:fs';
import { Filetype } from '../descriptor.ts';
import { Errno, failure } from '../errno.ts';
import type { File, FileStat, FileTimes, OpenOptions } from './directory.ts';
import { type HostTimes, toFileStat, toSeconds } from './host-stat.ts';
import { privileged } from './privileged.ts';

const { O_APPEND, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY } = fs.constants;

const ZEROS_AT_ONCE = 1 << 20;

/** A regular file of the host. */
export class HostFile implements File {
  readonly filetype = Filetype.REGULAR_FILE;
  readonly #times: HostTimes;
  readonly #access: Pick<OpenOptions, 'read' | 'write' | 'synchronous'>;
  #fd: number;
  #append: boolean;

  /** Owns `fd`, which must have been opened by these options. */
  constructor(times: HostTimes, fd: number, options: OpenOptions) {
    this.#times = times;
    this.#fd = fd;
    this.#access = options;
    this.#append = options.append;
  }

  get fd(): number {
    return this.#fd;
  }

  read(into: readonly Uint8Array[], position: number): number {
    const only = into[0];
    if (only === undefined) return 0;
    if (into.length === 1) return fs.readSync(this.#fd, only, 0, only.length, position);
    return fs.readvSync(this.#fd, into, position);
  }

  write(from: readonly Uint8Array[], position: number): number {
    const only = from[0];
    if (only === undefined) return 0;
    const at = position < 0 ? null : position;
    if (from.length === 1) return fs.writeSync(this.#fd, only, 0, only.length, at);
    return fs.writevSync(this.#fd, from, at ?? undefined);
  }

  stat(): FileStat {
    return this.#times.correct(toFileStat(fs.fstatSync(this.#fd, { bigint: true })));
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  setSize(size: number): void {
    fs.ftruncateSync(this.#fd, size);
  }

  /** Appends: between asking for the size and setting it, somebody else may have written more, which that would cut. */
  extend(size: number): void {
    if (size <= this.size()) return;
    const fd = fs.openSync(this.#path(), O_WRONLY | O_APPEND | O_NONBLOCK);
    try {
      const { bavail, bsize } = fs.statfsSync(this.#path());
      if (size - this.size() > bavail * bsize) throw failure(Errno.NOSPC);
      const zeros = new Uint8Array(Math.min(size - this.size(), ZEROS_AT_ONCE));
      for (let left = size - this.size(); left > 0; left = size - this.size()) {
        fs.writeSync(fd, zeros, 0, Math.min(left, zeros.length));
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  setTimes(times: FileTimes): void {
    const stat = this.stat();
    const accessedNs = times.accessedNs ?? stat.accessedNs;
    const modifiedNs = times.modifiedNs ?? stat.modifiedNs;
    // Not futimes(), which Node refuses to a process with permissions.
    fs.utimesSync(this.#path(), toSeconds(accessedNs), toSeconds(modifiedNs));
    this.#times.remember(stat, accessedNs, modifiedNs);
  }

  sync(dataOnly: boolean): void {
    privileged().sync(this.#fd, dataOnly);
  }

  /** Node has no fcntl(), but the same inode can be opened again. */
  setAppend(append: boolean): void {
    if (append === this.#append) return;
    const { read, write, synchronous } = this.#access;
    let flags = O_NONBLOCK | (write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY);
    if (append) flags |= O_APPEND;
    if (synchronous) flags |= O_SYNC;
    const fd = fs.openSync(this.#path(), flags);
    fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#append = append;
  }

  close(): void {
    const fd = this.#fd;
    // Never twice: the number may be somebody else's by then.
    this.#fd = -1;
    if (fd >= 0) fs.closeSync(fd);
  }

  #path(): string {
    return `/proc/self/fd/${this.#fd}`;
  }
}
