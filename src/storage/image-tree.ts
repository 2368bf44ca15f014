import { chmod, link, mkdir, rename, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** One entry of a layer, its contents in a file of ours. */
export interface LayerEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'link';
  readonly mode: number;
  readonly mtime: Date;
  readonly target: string;
  readonly content: string;
}

interface Directory {
  readonly kind: 'directory';
  mode: number;
  readonly children: Map<string, Node>;
}

type Node =
  | Directory
  | { readonly kind: 'file'; readonly content: string; readonly mode: number; readonly mtime: Date }
  | { readonly kind: 'symlink'; readonly target: string };

/**
 * The files of an image while its layers are put on top of each other. It exists in memory until it is whole: a link in
 * one layer can lead what a later layer writes to other places of the tree, and never out of it.
 */
export class ImageTree {
  readonly #root: Directory = { kind: 'directory', mode: 0o755, children: new Map() };

  /** What a layer says of one name; `.wh.` removes what the layers below have. */
  add(entry: LayerEntry): void {
    const parts = split(entry.name);
    const name = parts.pop();
    if (name === undefined) return;
    const parent = this.#directory(parts);
    if (name === OPAQUE) return parent.children.clear();
    if (name.startsWith(WHITEOUT)) return void parent.children.delete(name.slice(WHITEOUT.length));
    const before = parent.children.get(name);
    if (entry.type === 'directory' && before?.kind === 'directory') before.mode = entry.mode;
    else {
      const node = this.#node(entry);
      if (node !== undefined) parent.children.set(name, node);
    }
  }

  /** Makes all of it below a directory that is empty. Its files are moved there. */
  async write(directory: string): Promise<void> {
    await writeDirectory(this.#root, directory, new Map());
  }

  #node(entry: LayerEntry): Node | undefined {
    switch (entry.type) {
      case 'directory':
        return { kind: 'directory', mode: entry.mode, children: new Map() };
      case 'symlink':
        return { kind: 'symlink', target: entry.target };
      case 'file':
        return { kind: 'file', content: entry.content, mode: entry.mode, mtime: entry.mtime };
      case 'link': {
        const parts = split(entry.target);
        const name = parts.pop() ?? '';
        return this.#directory(parts).children.get(name);
      }
    }
  }

  /** Follows links below the root, and makes what is missing. */
  #directory(parts: readonly string[]): Directory {
    const left = [...parts];
    let trail: readonly string[] = [];
    let at = this.#root;
    for (let hops = 0; left.length > 0;) {
      const part = left.shift() ?? '';
      if (part === '..') {
        trail = trail.slice(0, -1);
        at = this.#plain(trail);
        continue;
      }
      const child = at.children.get(part);
      if (child?.kind === 'symlink' && hops++ < MAX_HOPS) {
        if (child.target.startsWith('/')) [trail, at] = [[], this.#root];
        left.unshift(...child.target.split('/').filter((word) => word !== '' && word !== '.'));
        continue;
      }
      if (child?.kind === 'directory') at = child;
      else {
        const made: Directory = { kind: 'directory', mode: 0o755, children: new Map() };
        at.children.set(part, made);
        at = made;
      }
      trail = [...trail, part];
    }
    return at;
  }

  /** A place that was reached before: all of it are directories. */
  #plain(parts: readonly string[]): Directory {
    let at = this.#root;
    for (const part of parts) {
      const child = at.children.get(part);
      if (child?.kind === 'directory') at = child;
    }
    return at;
  }
}

/** Links last: nothing is ever written through one. */
async function writeDirectory(directory: Directory, path: string, moved: Map<string, string>): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  const links: (readonly [string, string])[] = [];
  for (const [name, node] of directory.children) {
    const at = join(path, name);
    if (node.kind === 'directory') await writeDirectory(node, at, moved);
    else if (node.kind === 'symlink') links.push([node.target, at]);
    else {
      const first = moved.get(node.content);
      if (first !== undefined) await link(first, at);
      else {
        await rename(node.content, at);
        moved.set(node.content, at);
        // Owned by this user, so never with the bits that would give an owner's rights to others.
        await chmod(at, (node.mode & 0o777) | 0o400);
        await utimes(at, node.mtime, node.mtime);
      }
    }
  }
  for (const [target, at] of links) await symlink(target, at);
  await chmod(path, (directory.mode & 0o777) | 0o700);
}

function split(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const MAX_HOPS = 40;
