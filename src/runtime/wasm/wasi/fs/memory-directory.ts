import { Filetype } from '../descriptor.ts';
import { Errno, failure } from '../errno.ts';
import type { Directory, DirectoryEntry, File, FileStat, FileTimes, OpenOptions } from './directory.ts';
import { DirectoryNode, FileNode, LinkNode, type MemoryNode, MemoryTree } from './memory-tree.ts';

const NAME_LIMIT = 255;

/** An empty directory in memory, for `tmpfs` mounts and for trees of files that exist nowhere else. */
export function memoryRoot(options: {
  /** NOSPC beyond it; default 1 GiB. */
  readonly limitBytes?: number | undefined;
  readonly nowNs: () => bigint;
}): MemoryDirectory {
  const tree = new MemoryTree(options);
  const root = new DirectoryNode(tree);
  root.links = 2;
  return new MemoryDirectory(root, false);
}

/** A directory in memory. Nothing outside of the tree can be named in it. */
export class MemoryDirectory implements Directory {
  readonly #node: DirectoryNode;
  readonly #readOnly: boolean;

  constructor(node: DirectoryNode, readOnly: boolean) {
    this.#node = node;
    this.#readOnly = readOnly;
  }

  isReadOnly(): boolean {
    return this.#readOnly;
  }

  get volume(): object {
    return this.#node.tree;
  }

  /** The same tree for guests that must not change it. */
  asReadOnly(): MemoryDirectory {
    return new MemoryDirectory(this.#node, true);
  }

  /** Adds a file with its parents, below this directory. For whoever builds the tree, whether it is read-only or not. */
  addFile(path: string, contents: Uint8Array): void {
    const { node, name } = this.#parentOf(path);
    attach(node, name, new FileNode(node.tree, contents));
  }

  addDirectory(path: string): void {
    const { node, name } = this.#parentOf(path);
    ensureDirectory(node, name);
  }

  addLink(path: string, target: string): void {
    const { node, name } = this.#parentOf(path);
    attach(node, name, new LinkNode(node.tree, target));
  }

  descend(name: string): MemoryDirectory | string {
    const node = this.#entry(name);
    if (node instanceof LinkNode) return node.target;
    if (node instanceof FileNode) throw failure(Errno.NOTDIR);
    return new MemoryDirectory(node, this.#readOnly);
  }

  open(name: string, options: OpenOptions): File | Directory | string {
    const known = this.#node.entries.get(name);
    if (known === undefined) {
      if (!options.create) throw failure(this.#missing(name));
      this.#mustLive();
      const made = new FileNode(this.#node.tree);
      attach(this.#node, checkName(name), made);
      return new MemoryFile(made, options);
    }
    if (options.create && options.exclusive) throw failure(Errno.EXIST);
    if (known instanceof LinkNode) return known.target;
    if (known instanceof DirectoryNode) return new MemoryDirectory(known, this.#readOnly);
    if (options.directory) throw failure(Errno.NOTDIR);
    if (options.truncate) known.setSize(0);
    return new MemoryFile(known, options);
  }

  duplicate(): MemoryDirectory {
    return new MemoryDirectory(this.#node, this.#readOnly);
  }

  close(): void {
    // A tree lives as long as somebody knows it.
  }

  stat(name: string): FileStat {
    return this.#entry(name).stat();
  }

  statSelf(): FileStat {
    return this.#node.stat();
  }

  list(): readonly DirectoryEntry[] {
    return Array.from(this.#node.entries, ([name, node]) => ({ name, filetype: node.filetype }));
  }

  readLink(name: string): string {
    const node = this.#entry(name);
    if (!(node instanceof LinkNode)) throw failure(Errno.INVAL);
    return node.target;
  }

  makeDirectory(name: string): void {
    this.#mustBeFree(name);
    ensureDirectory(this.#node, name);
  }

  removeDirectory(name: string): void {
    const node = this.#entry(name);
    if (!(node instanceof DirectoryNode)) throw failure(Errno.NOTDIR);
    if (node.entries.size > 0) throw failure(Errno.NOTEMPTY);
    detach(this.#node, name, node);
  }

  unlink(name: string): void {
    const node = this.#entry(name);
    if (node instanceof DirectoryNode) throw failure(Errno.ISDIR);
    detach(this.#node, name, node);
  }

  makeLink(name: string, target: string): void {
    this.#mustBeFree(name);
    attach(this.#node, name, new LinkNode(this.#node.tree, target));
  }

  linkTo(name: string, to: Directory, toName: string): void {
    const peer = this.#peer(to);
    const node = this.#entry(name);
    peer.#mustBeFree(toName);
    if (node instanceof DirectoryNode) throw failure(Errno.PERM);
    node.link();
    attach(peer.#node, toName, node);
  }

  renameTo(name: string, to: Directory, toName: string): void {
    const peer = this.#peer(to);
    const node = this.#entry(name);
    const replaced = peer.#node.entries.get(checkName(toName));
    if (replaced === node) return;
    if (node instanceof DirectoryNode && peer.#node.isWithin(node)) throw failure(Errno.INVAL);
    peer.#mustLive();
    if (replaced !== undefined) {
      mustReplace(node, replaced);
      detach(peer.#node, toName, replaced);
    }
    removeEntry(this.#node, name, node);
    attach(peer.#node, toName, node);
  }

  setTimes(name: string, times: FileTimes): void {
    setNodeTimes(this.#entry(name), times);
  }

  setTimesSelf(times: FileTimes): void {
    setNodeTimes(this.#node, times);
  }

  syncSelf(): void {
    // Nothing below it is more durable.
  }

  #entry(name: string): MemoryNode {
    const node = this.#node.entries.get(name);
    if (node === undefined) throw failure(this.#missing(name));
    return node;
  }

  #missing(name: string): Errno {
    return Buffer.byteLength(name) > NAME_LIMIT ? Errno.NAMETOOLONG : Errno.NOENT;
  }

  #mustBeFree(name: string): void {
    if (this.#node.entries.has(name)) throw failure(Errno.EXIST);
    checkName(name);
    this.#mustLive();
  }

  /** Nothing can be made in a directory that was removed while it was open. */
  #mustLive(): void {
    if (this.#node.links === 0) throw failure(Errno.NOENT);
  }

  #peer(directory: Directory): MemoryDirectory {
    if (!(directory instanceof MemoryDirectory) || directory.volume !== this.volume) throw failure(Errno.XDEV);
    return directory;
  }

  #parentOf(path: string): { readonly node: DirectoryNode; readonly name: string } {
    const components = path.split('/').filter((component) => component !== '' && component !== '.');
    const name = components.pop() ?? '.';
    let node = this.#node;
    for (const component of components) node = ensureDirectory(node, component);
    return { node, name };
  }
}

/** A file in memory. */
class MemoryFile implements File {
  readonly filetype = Filetype.REGULAR_FILE;
  readonly #node: FileNode;
  readonly #readable: boolean;
  readonly #writable: boolean;

  constructor(node: FileNode, options: OpenOptions) {
    this.#node = node;
    this.#readable = options.read;
    this.#writable = options.write;
    node.hold();
  }

  read(into: readonly Uint8Array[], position: number): number {
    if (!this.#readable) throw failure(Errno.BADF);
    let done = 0;
    for (const part of into) {
      const n = this.#node.read(part, position + done);
      done += n;
      if (n < part.length) break;
    }
    return done;
  }

  write(from: readonly Uint8Array[], position: number): number {
    if (!this.#writable) throw failure(Errno.BADF);
    const start = position < 0 ? this.#node.size : position;
    let done = 0;
    for (const part of from) done += this.#node.write(part, start + done);
    return done;
  }

  stat(): FileStat {
    return this.#node.stat();
  }

  size(): number {
    return this.#node.size;
  }

  setSize(size: number): void {
    if (!this.#writable) throw failure(Errno.INVAL);
    this.#node.setSize(size);
  }

  extend(size: number): void {
    if (size > this.#node.size) this.setSize(size);
  }

  setTimes(times: FileTimes): void {
    setNodeTimes(this.#node, times);
  }

  sync(): void {
    // Nothing below it is more durable.
  }

  setAppend(): void {
    // write() is told where.
  }

  close(): void {
    this.#node.release();
  }
}

function checkName(name: string): string {
  if (Buffer.byteLength(name) > NAME_LIMIT) throw failure(Errno.NAMETOOLONG);
  return name;
}

function ensureDirectory(parent: DirectoryNode, name: string): DirectoryNode {
  const known = parent.entries.get(name);
  if (known instanceof DirectoryNode) return known;
  if (known !== undefined) throw failure(Errno.NOTDIR);
  const made = new DirectoryNode(parent.tree);
  made.links = 2;
  attach(parent, name, made);
  return made;
}

function attach(parent: DirectoryNode, name: string, node: MemoryNode): void {
  parent.entries.set(name, node);
  if (node instanceof DirectoryNode) {
    node.parent = parent;
    parent.links++;
  }
  parent.touch();
}

function removeEntry(parent: DirectoryNode, name: string, node: MemoryNode): void {
  parent.entries.delete(name);
  if (node instanceof DirectoryNode) {
    node.parent = undefined;
    parent.links--;
  }
  parent.touch();
}

function detach(parent: DirectoryNode, name: string, node: MemoryNode): void {
  removeEntry(parent, name, node);
  if (node instanceof DirectoryNode) node.links = 1;
  node.unlink();
}

/** The rules of rename() for what is there already. */
function mustReplace(node: MemoryNode, replaced: MemoryNode): void {
  if (replaced instanceof DirectoryNode) {
    if (!(node instanceof DirectoryNode)) throw failure(Errno.ISDIR);
    if (replaced.entries.size > 0) throw failure(Errno.NOTEMPTY);
  } else if (node instanceof DirectoryNode) throw failure(Errno.NOTDIR);
}

function setNodeTimes(node: MemoryNode, times: FileTimes): void {
  if (times.accessedNs !== undefined) node.accessedNs = times.accessedNs;
  if (times.modifiedNs !== undefined) node.modifiedNs = times.modifiedNs;
  node.changedNs = node.tree.nowNs();
}
