import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { extract, pack } from 'tar-stream';

/**
 * The same archive with another name in the place of the first component of every entry. `.`: what is below it comes
 * to stand at the top.
 */
export function rebaseTar(archive: Readable, name: string): Readable {
  const entries = extract();
  const packed = pack();
  const run = async (): Promise<void> => {
    const reading = pipeline(archive, entries);
    // Told by the entries, which end with its error.
    reading.catch(() => undefined);
    for await (const entry of entries) {
      const { header } = entry;
      const renamed = rename(header.name, name);
      if (renamed === undefined) {
        entry.resume();
        continue;
      }
      const link = header.type === 'link' ? { linkname: rename(header.linkname ?? '', name) ?? renamed } : {};
      await pipeline(Readable.from(entry), packed.entry({ ...header, name: renamed, ...link }));
    }
    await reading;
    packed.finalize();
  };
  run().catch((error: unknown) => packed.destroy(error as Error));
  return Readable.from(packed);
}

function rename(path: string, name: string): string | undefined {
  const rest = path.replace(/^(?:\.\/)*[^/]+/, '');
  if (name !== '.') return `${name}${rest}`;
  return rest === '' || rest === '/' ? undefined : rest.slice(1);
}
