import { Filetype } from '../descriptor.ts';
import { Errno, failure } from '../errno.ts';
import type { FileStat } from './directory.ts';

/** What a file, link or directory takes besides its bytes, and what each of its names takes: neither is for free. */
const NODE_BYTES = 512;
const NAME_BYTES = 512;
/** Growing files double up to this step. */
const GROWTH_LIMIT = 16 << 20;
const DEFAULT_LIMIT = 1 << 30;

/** The first device number: away from those of the host's file systems. */
let nextDevice = 0x7761_0000n;

/** The bytes of a tree in memory: how much it may hold, and the numbers of its inodes. */
export class MemoryTree {
  readonly device = nextDevice++;
  readonly #limitBytes: number;
  readonly #nowNs: () => bigint;
  #usedBytes = 0;
  #nextInode = 1n;

  constructor(options: { readonly limitBytes?: number | undefined; readonly nowNs: () => bigint }) {
    this.#limitBytes = options.limitBytes ?? DEFAULT_LIMIT;
    this.#nowNs = options.nowNs;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  nowNs(): bigint {
    return this.#nowNs();
  }

  takeInode(): bigint {
    return this.#nextInode++;
  }

  /** Counts bytes in, or out when negative. Throws NOSPC beyond the limit. */
  charge(bytes: number): void {
    if (bytes > 0 && this.#usedBytes + bytes > this.#limitBytes) throw failure(Errno.NOSPC);
    this.#usedBytes += bytes;
  }
}

export type MemoryNode = DirectoryNode | FileNode | LinkNode;

abstract class BaseNode {
  abstract readonly filetype: Filetype;
  readonly tree: MemoryTree;
  readonly inode: bigint;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;
  links = 1;
  /** Open descriptors: a file that was unlinked lives as long as one is left. */
  #handles = 0;

  /** With one name, and so many bytes of its own. */
  constructor(tree: MemoryTree, ownBytes: number) {
    tree.charge(NODE_BYTES + NAME_BYTES + ownBytes);
    this.tree = tree;
    this.inode = tree.takeInode();
    const now = tree.nowNs();
    this.accessedNs = now;
    this.modifiedNs = now;
    this.changedNs = now;
  }

  abstract get size(): number;

  stat(): FileStat {
    return {
      device: this.tree.device,
      inode: this.inode,
      filetype: this.filetype,
      links: BigInt(this.links),
      size: BigInt(this.size),
      accessedNs: this.accessedNs,
      modifiedNs: this.modifiedNs,
      changedNs: this.changedNs,
    };
  }

  touch(): void {
    const now = this.tree.nowNs();
    this.modifiedNs = now;
    this.changedNs = now;
  }

  hold(): void {
    this.#handles++;
  }

  release(): void {
    this.#handles--;
    this.#freeIfGone();
  }

  /** One name more. Throws NOSPC, and changes nothing, beyond the limit. */
  link(): void {
    this.tree.charge(NAME_BYTES);
    this.links++;
    this.changedNs = this.tree.nowNs();
  }

  /** One name less. */
  unlink(): void {
    this.tree.charge(-NAME_BYTES);
    this.links--;
    this.changedNs = this.tree.nowNs();
    this.#freeIfGone();
  }

  protected free(): void {
    this.tree.charge(-NODE_BYTES);
  }

  #freeIfGone(): void {
    if (this.links <= 0 && this.#handles === 0) this.free();
  }
}

export class DirectoryNode extends BaseNode {
  readonly filetype = Filetype.DIRECTORY;
  readonly entries = new Map<string, MemoryNode>();
  parent: DirectoryNode | undefined;

  constructor(tree: MemoryTree) {
    super(tree, 0);
  }

  get size(): number {
    return this.entries.size;
  }

  /** True when this directory or one above it is `other`. */
  isWithin(other: DirectoryNode): boolean {
    // A loop: a guest can nest deeper than the stack.
    for (let { parent } = this; parent !== undefined; { parent } = parent) if (parent === other) return true;
    return this === other;
  }
}

export class LinkNode extends BaseNode {
  readonly filetype = Filetype.SYMBOLIC_LINK;
  readonly target: string;

  constructor(tree: MemoryTree, target: string) {
    super(tree, Buffer.byteLength(target));
    this.target = target;
  }

  get size(): number {
    return Buffer.byteLength(this.target);
  }

  protected override free(): void {
    super.free();
    this.tree.charge(-this.size);
  }
}

export class FileNode extends BaseNode {
  readonly filetype = Filetype.REGULAR_FILE;
  /** Its length is the capacity; `#size` bytes of it are the file. */
  #bytes: Uint8Array;
  #size: number;
  /** The bytes are somebody else's and are copied before the first change. */
  #borrowed: boolean;

  /** `contents` is not copied until the file is written to, and must not change. */
  constructor(tree: MemoryTree, contents: Uint8Array = new Uint8Array(0)) {
    super(tree, contents.length);
    this.#bytes = contents;
    this.#size = contents.length;
    this.#borrowed = contents.length > 0;
  }

  get size(): number {
    return this.#size;
  }

  read(into: Uint8Array, position: number): number {
    if (position >= this.#size) return 0;
    const n = Math.min(into.length, this.#size - position);
    into.set(this.#bytes.subarray(position, position + n));
    return n;
  }

  write(from: Uint8Array, position: number): number {
    const end = position + from.length;
    this.#reserve(end);
    this.#bytes.set(from, position);
    if (end > this.#size) this.#size = end;
    this.touch();
    return from.length;
  }

  setSize(size: number): void {
    if (size < this.#size) this.#cut(size);
    else this.#reserve(size);
    this.#size = size;
    this.touch();
  }

  protected override free(): void {
    super.free();
    this.tree.charge(-this.#bytes.length);
    this.#bytes = new Uint8Array(0);
    this.#size = 0;
  }

  #cut(size: number): void {
    const capacity = this.#bytes.length;
    if (this.#borrowed || size <= capacity / 2) {
      this.#bytes = this.#bytes.slice(0, size);
      this.#borrowed = false;
      this.tree.charge(size - capacity);
      // What is beyond the end reads as zeros when the file grows again.
    } else this.#bytes.fill(0, size, this.#size);
  }

  #reserve(size: number): void {
    const capacity = this.#bytes.length;
    if (size <= capacity && !this.#borrowed) return;
    if (size > Number.MAX_SAFE_INTEGER) throw failure(Errno.FBIG);
    const wanted = size <= capacity ? capacity : Math.max(size, Math.min(capacity * 2, capacity + GROWTH_LIMIT));
    // Near the limit in smaller steps, but never by each write: each step copies the file.
    const modest = Math.max(size, capacity + (capacity >>> 3));
    if (!this.#grow(wanted) && !this.#grow(modest) && !this.#grow(size)) throw failure(Errno.NOSPC);
  }

  #grow(capacity: number): boolean {
    const more = capacity - this.#bytes.length;
    try {
      this.tree.charge(more);
    } catch {
      // NOSPC: the caller may ask for less.
      return false;
    }
    try {
      const grown = new Uint8Array(capacity);
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
      this.#borrowed = false;
      return true;
    } catch {
      // RangeError: more than V8 can allocate.
      this.tree.charge(-more);
      return false;
    }
  }
}
