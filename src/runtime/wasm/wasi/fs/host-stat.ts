import type { BigIntStats } from 'node:fs';
import { Filetype } from '../descriptor.ts';
import type { FileStat } from './directory.ts';

export function toFileStat(stat: BigIntStats): FileStat {
  return {
    device: stat.dev,
    inode: stat.ino,
    filetype: typeOfMode(Number(stat.mode)),
    links: stat.nlink,
    size: stat.size,
    accessedNs: stat.atimeNs,
    modifiedNs: stat.mtimeNs,
    changedNs: stat.ctimeNs,
  };
}

/** For Node's utimes calls, which take a float: exact to a microsecond only. */
export function toSeconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}

const MODE_TYPES: ReadonlyMap<number, Filetype> = new Map([
  [0o10, Filetype.REGULAR_FILE],
  [0o04, Filetype.DIRECTORY],
  [0o12, Filetype.SYMBOLIC_LINK],
  [0o02, Filetype.CHARACTER_DEVICE],
  [0o06, Filetype.BLOCK_DEVICE],
  [0o14, Filetype.SOCKET_STREAM],
]);

function typeOfMode(mode: number): Filetype {
  return MODE_TYPES.get(mode >> 12) ?? Filetype.UNKNOWN;
}

/** How many inodes' times are kept; the oldest go first. */
const REMEMBERED = 4096;
/** Node is off by less than this when it sets a time. */
const NODE_ERROR_NS = 1000n;

/**
 * The times that guests have set, exact to the nanosecond, where Node can set them to a microsecond only. They hold
 * as long as the file has about that time: nobody else has changed it since.
 */
export class HostTimes {
  readonly #byInode = new Map<string, { readonly accessedNs: bigint; readonly modifiedNs: bigint }>();

  remember(file: FileStat, accessedNs: bigint, modifiedNs: bigint): void {
    const key = keyOf(file);
    this.#byInode.delete(key);
    this.#byInode.set(key, { accessedNs, modifiedNs });
    if (this.#byInode.size <= REMEMBERED) return;
    for (const oldest of this.#byInode.keys()) {
      this.#byInode.delete(oldest);
      break;
    }
  }

  correct(stat: FileStat): FileStat {
    if (this.#byInode.size === 0) return stat;
    const known = this.#byInode.get(keyOf(stat));
    if (known === undefined) return stat;
    const accessedNs = isNear(known.accessedNs, stat.accessedNs) ? known.accessedNs : stat.accessedNs;
    const modifiedNs = isNear(known.modifiedNs, stat.modifiedNs) ? known.modifiedNs : stat.modifiedNs;
    return { ...stat, accessedNs, modifiedNs };
  }
}

function keyOf(file: FileStat): string {
  return `${file.device}:${file.inode}`;
}

function isNear(a: bigint, b: bigint): boolean {
  return a - b < NODE_ERROR_NS && b - a < NODE_ERROR_NS;
}
