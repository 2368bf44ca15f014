import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

import type { Service } from '../model/project.ts';

/**
 * The digest of a Wasm service's module file, so that a rebuilt module re-creates its service as a new image
 * does a container. Undefined when there is no such file: preparing the service says so. Read once per change.
 */
export class ModuleDigests {
  readonly #known = new Map<string, { readonly stamp: string; readonly digest: string }>();

  digest(service: Service): string | undefined {
    if (service.kind !== 'wasm' || service.module.from !== 'file') return undefined;
    const { path } = service.module;
    try {
      const stat = statSync(path, { bigint: true });
      const stamp = `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
      const known = this.#known.get(path);
      if (known?.stamp === stamp) return known.digest;
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      this.#known.set(path, { stamp, digest });
      return digest;
    } catch {
      // ENOENT, EISDIR, EACCES: the driver reads the same file next and reports it with its place.
      return undefined;
    }
  }
}
