import { isUtf8 } from 'node:buffer';
import type { Clock } from './clock.ts';
import type { Descriptor } from './descriptor.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { Errno, failure } from './errno.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Waiters } from './waiters.ts';

/** What the functions of WASI know of the instance that calls them. */
export interface Guest {
  readonly memory: GuestMemory;
  readonly table: DescriptorTable;
  readonly waiters: Waiters;
  readonly clock: Clock;
  /** NUL-terminated, as the guest gets them. */
  readonly args: StringList;
  readonly env: StringList;
}

/** A list of C strings, laid out once: `args_get` only copies. */
export interface StringList {
  readonly bytes: Uint8Array;
  /** Where each string begins in `bytes`. */
  readonly offsets: readonly number[];
}

/** The open descriptor `fd`, or BADF. */
export function descriptorAt(guest: Guest, fd: number): Descriptor {
  const descriptor = guest.table.get(fd);
  if (descriptor === undefined) throw failure(Errno.BADF);
  return descriptor;
}

/** Throws FAULT unless the guest's memory holds `length` bytes at `pointer`: before a call changes anything. */
export function mustHold(guest: Guest, pointer: number, length: number): void {
  if (!guest.memory.holds(pointer, length)) throw failure(Errno.FAULT);
}

const PATH_LIMIT = 4096;

/**
 * The guest's string at `pointer` as a path. FAULT: not in memory. ILSEQ: not UTF-8, or a NUL in it. NAMETOOLONG.
 * An empty path is for the walk to refuse.
 */
export function pathAt(guest: Guest, pointer: number, length: number): string {
  mustHold(guest, pointer, length);
  if (length > PATH_LIMIT) throw failure(Errno.NAMETOOLONG);
  // A copy: another thread of the guest must not change what was checked.
  const path = Buffer.from(guest.memory.bytes.subarray(pointer, pointer + length));
  if (path.includes(0) || !isUtf8(path)) throw failure(Errno.ILSEQ);
  return path.toString('utf8');
}

/** The open directory `fd`. BADF: not open. NOTDIR: something else. NOTCAPABLE: without the right. */
export function directoryAt(guest: Guest, fd: number, right: bigint): OpenDirectory {
  const descriptor = descriptorAt(guest, fd);
  if (!(descriptor instanceof OpenDirectory)) throw failure(Errno.NOTDIR);
  if ((descriptor.rights & right) !== right) throw failure(Errno.NOTCAPABLE);
  return descriptor;
}
