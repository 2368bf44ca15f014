import fs from 'node:fs';
import path from 'node:path';
import { WcError } from '../../../../model/diagnostic.ts';
import type { Directory, Mount } from './directory.ts';
import { HostDirectory, isConfinementPossible } from './host-directory.ts';
import { memoryRoot } from './memory-directory.ts';
import { type MountPoint, OverlayDirectory } from './overlay.ts';
import { procMountIn } from './proc-mounts.ts';

/** What is at an absolute path of the guest. */
export type MountSource =
  /** A directory or a file of the host. */
  | { readonly kind: 'host'; readonly guestPath: string; readonly hostPath: string; readonly readOnly: boolean }
  /** An empty directory in memory, gone with the instance: `tmpfs`. Default limit 1 GiB. */
  | { readonly kind: 'memory'; readonly guestPath: string; readonly limitBytes?: number | undefined }
  /** A read-only file that exists nowhere else: configs, secrets, `/etc/hosts`. */
  | { readonly kind: 'file'; readonly guestPath: string; readonly contents: Uint8Array }
  /** A directory made elsewhere, such as the files of an image. Closed with the root. */
  | { readonly kind: 'directory'; readonly guestPath: string; readonly directory: Directory };

export interface RootOptions {
  readonly nowNs: () => bigint;
  /** How much the guest may write to a root that is not mounted; without it that root is read-only. */
  readonly writableBytes?: number | undefined;
}

/**
 * The one tree that a guest sees, preopened as `/`, with every source at its path. One tree and not a preopen for each
 * mount: then '..' and relative paths cross mounts as they do in a container, and every guest that knows only its
 * first preopen sees all. Of two sources at one path the later counts. Where nothing is mounted at `/`, it is a
 * directory in memory. Mount points that do not exist below are shown all the same.
 *
 * Throws ERR_MOUNT for what cannot be mounted; nothing stays open then.
 */
export function buildRoot(sources: readonly MountSource[], options: RootOptions): Mount {
  const top: Place = { children: new Map(), source: undefined };
  for (const source of sources) place(top, source);
  const builder = new Builder(options);
  try {
    return { guestPath: '/', directory: builder.build(top) };
  } catch (error) {
    builder.close();
    throw error;
  }
}

interface Place {
  source: MountSource | undefined;
  readonly children: Map<string, Place>;
}

function place(top: Place, source: MountSource): void {
  const components = path.posix.normalize(`/${source.guestPath}`).split('/');
  let at = top;
  for (const component of components) {
    if (component === '') continue;
    let child = at.children.get(component);
    if (child === undefined) {
      child = { children: new Map(), source: undefined };
      at.children.set(component, child);
    }
    at = child;
  }
  at.source = source;
}

class Builder {
  readonly #options: RootOptions;
  readonly #opened: Directory[] = [];

  constructor(options: RootOptions) {
    this.#options = options;
  }

  build(top: Place): Directory {
    const { source } = top;
    if (source !== undefined && source.kind !== 'file') return this.#withPoints(top, this.#openDirectory(source));
    const { nowNs, writableBytes } = this.#options;
    const root = memoryRoot({ nowNs, limitBytes: writableBytes });
    return this.#withPoints(top, writableBytes === undefined ? root.asReadOnly() : root);
  }

  close(): void {
    for (const directory of this.#opened) directory.close();
  }

  #withPoints(at: Place, base: Directory): Directory {
    if (at.children.size === 0) return base;
    const points = new Map<string, MountPoint>();
    for (const [name, child] of at.children) points.set(name, this.#point(name, child, base));
    return new OverlayDirectory(base, points);
  }

  #point(name: string, at: Place, base: Directory): MountPoint {
    const { source } = at;
    if (source === undefined) {
      return { kind: 'directory', directory: this.#withPoints(at, this.#existing(base, name)) };
    }
    const file = this.#openFile(source);
    if (file === undefined) {
      return { kind: 'directory', directory: this.#withPoints(at, this.#openDirectory(source)) };
    }
    if (at.children.size > 0) {
      throw new WcError('ERR_MOUNT', `cannot mount anything below ${source.guestPath}: a file is mounted there`);
    }
    return file;
  }

  /** What the mount below has at the name, so that mount points hide nothing but themselves. */
  #existing(base: Directory, name: string): Directory {
    try {
      const found = base.descend(name);
      if (typeof found !== 'string') return this.#keep(found);
    } catch {
      // NOENT or NOTDIR: the mount point's parents are shown all the same.
    }
    return memoryRoot({ nowNs: this.#options.nowNs }).asReadOnly();
  }

  #openDirectory(source: MountSource): Directory {
    switch (source.kind) {
      case 'host':
        return this.#keep(HostDirectory.openRoot(realPath(source), source.readOnly));
      case 'memory':
        return memoryRoot({ nowNs: this.#options.nowNs, limitBytes: source.limitBytes });
      case 'directory':
        return this.#keep(source.directory);
      case 'file':
        throw new WcError('ERR_MOUNT', `cannot mount a file at ${source.guestPath}`);
    }
  }

  #openFile(source: MountSource): MountPoint | undefined {
    if (source.kind === 'file') {
      const files = memoryRoot({ nowNs: this.#options.nowNs });
      files.addFile('file', source.contents);
      return { kind: 'file', parent: files.asReadOnly(), name: 'file' };
    }
    if (source.kind !== 'host') return undefined;
    const hostPath = realPath(source);
    const stat = fs.statSync(hostPath);
    if (stat.isDirectory()) return undefined;
    if (!stat.isFile()) {
      throw new WcError('ERR_MOUNT', `cannot mount ${source.hostPath}: it is neither a directory nor a regular file`, {
        hint: 'A Wasm service can open no device, no FIFO and no socket, such as the one of the Docker Engine.',
      });
    }
    const parent = this.#keep(HostDirectory.openRoot(path.dirname(hostPath), source.readOnly));
    return { kind: 'file', parent, name: path.basename(hostPath) };
  }

  #keep<T extends Directory>(directory: T): T {
    this.#opened.push(directory);
    return directory;
  }
}

/** The user may name a link; a guest must not be able to follow one. */
function realPath(source: { readonly hostPath: string }): string {
  const hostPath = resolveLinks(source.hostPath);
  const proc = isConfinementPossible() ? procMountIn(hostPath) : undefined;
  if (proc === undefined) return hostPath;
  throw new WcError('ERR_MOUNT', `cannot mount ${source.hostPath}: a Wasm service must not reach ${proc}`, {
    hint: 'It would see there the memory of wcompose itself. Mount the directories that the service needs.',
  });
}

function resolveLinks(hostPath: string): string {
  try {
    return fs.realpathSync(hostPath);
  } catch (error) {
    throw new WcError('ERR_MOUNT', `cannot mount ${hostPath}: ${(error as Error).message}`, { cause: error });
  }
}
