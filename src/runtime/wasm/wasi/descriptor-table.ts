import type { Descriptor } from './descriptor.ts';
import { Errno, failure } from './errno.ts';

/** The file descriptors of one instance. New ones get the lowest free number, as POSIX guests expect. */
export class DescriptorTable {
  readonly #slots: (Descriptor | undefined)[] = [];
  readonly #limit: number;
  #open = 0;
  /** No number below this one is free. */
  #lowestFree = 0;

  /** `limit` is the number of descriptors that may be open at once (`ulimits.nofile`). */
  constructor(limit = 4096) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#open;
  }

  get(fd: number): Descriptor | undefined {
    return this.#slots[fd];
  }

  /** Throws MFILE when nothing can be added: for calls that change something before they have what they add. */
  mustHaveRoom(): void {
    if (this.#open >= this.#limit) throw failure(Errno.MFILE);
  }

  /** Throws MFILE at the limit; the descriptor is not closed then. `lowest` is the lowest number to use. */
  add(descriptor: Descriptor, lowest = 0): number {
    this.mustHaveRoom();
    let fd = Math.max(lowest, this.#lowestFree);
    while (this.#slots[fd] !== undefined) fd++;
    if (fd >= this.#limit + lowest) throw failure(Errno.MFILE);
    if (lowest <= this.#lowestFree) this.#lowestFree = fd + 1;
    this.#put(fd, descriptor);
    return fd;
  }

  /**
   * Places a descriptor at `fd` (a forced number, or a socket that changed its kind); closes what was there. Throws
   * MFILE for a number beyond the limit.
   */
  set(fd: number, descriptor: Descriptor): void {
    if (fd >= this.#limit) throw failure(Errno.MFILE);
    const former = this.#slots[fd];
    this.#put(fd, descriptor);
    if (former !== undefined && former !== descriptor) former.close();
  }

  /** Returns an errno: BADF when `fd` is not open. */
  close(fd: number): number {
    const descriptor = this.#take(fd);
    if (descriptor === undefined) return Errno.BADF;
    descriptor.close();
    return Errno.SUCCESS;
  }

  /** Moves `from` to `to` and closes what was at `to`, atomically for the guest. BADF unless both are open. */
  renumber(from: number, to: number): number {
    const moved = this.#slots[from];
    if (moved === undefined || this.#slots[to] === undefined) return Errno.BADF;
    if (from === to) return Errno.SUCCESS;
    this.#take(from);
    this.set(to, moved);
    return Errno.SUCCESS;
  }

  /** Closes all, whatever fails; the table is empty and usable afterwards. */
  closeAll(): void {
    for (let fd = this.#slots.length - 1; fd >= 0; fd--) {
      try {
        this.close(fd);
      } catch {
        // An error of the disk that the last writes met (EIO, ENOSPC, EDQUOT): the guest is no longer there to hear it.
      }
    }
    this.#slots.length = 0;
  }

  *entries(): Generator<readonly [fd: number, descriptor: Descriptor]> {
    for (const [fd, descriptor] of this.#slots.entries()) if (descriptor !== undefined) yield [fd, descriptor];
  }

  #put(fd: number, descriptor: Descriptor): void {
    // Never a hole in the array: V8 would turn it into a dictionary.
    while (this.#slots.length <= fd) this.#slots.push(undefined);
    if (this.#slots[fd] === undefined) this.#open++;
    this.#slots[fd] = descriptor;
  }

  #take(fd: number): Descriptor | undefined {
    const descriptor = this.#slots[fd];
    if (descriptor === undefined) return undefined;
    this.#slots[fd] = undefined;
    this.#open--;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    return descriptor;
  }
}
