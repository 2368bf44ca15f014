import type { Mount } from '../../../../../src/runtime/wasm/wasi/fs/directory.ts';
import { buildRoot } from '../../../../../src/runtime/wasm/wasi/fs/root.ts';
import { TestGuest } from '../guest.ts';
import { HostVolume, memoryMount } from './volume.ts';

/** Every kind of writable directory a guest can have: what a guest sees must not depend on which it is. */
export const TREES = ['a host directory', 'memory', 'a mount below another'] as const;
export type Tree = (typeof TREES)[number];

/** A guest whose fd 3 is an empty directory. Disposing of it removes that. */
export class TreeGuest implements Disposable {
  readonly guest: TestGuest;
  readonly #volume: HostVolume | undefined;

  private constructor(guest: TestGuest, volume: HostVolume | undefined) {
    this.guest = guest;
    this.#volume = volume;
  }

  static async start(tree: Tree): Promise<TreeGuest> {
    const volume = tree === 'memory' ? undefined : new HostVolume();
    return new TreeGuest(await TestGuest.start({ mounts: [mountOf(tree, volume)] }), volume);
  }

  [Symbol.dispose](): void {
    this.#volume?.[Symbol.dispose]();
  }
}

function mountOf(tree: Tree, volume: HostVolume | undefined): Mount {
  if (volume === undefined) return memoryMount();
  if (tree === 'a host directory') return volume.mount();
  const root = buildRoot(
    [
      { kind: 'host', guestPath: '/data', hostPath: volume.inside, readOnly: false },
      // Something to lie beside it: the directory is then one that has mount points.
      { kind: 'memory', guestPath: '/data/.below' },
    ],
    { nowNs: () => 0n },
  );
  const directory = root.directory.descend('data');
  if (typeof directory === 'string') throw new Error('a link');
  return { guestPath: '/', directory };
}
