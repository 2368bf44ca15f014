import path from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The file `name` beside a source file, with that file's own ending: a worker's entry is `.ts` where the sources run
 * and `.js` where what was built from them does.
 */
export function workerUrl(importMetaFilename: string, name: string): URL {
  const entry = `${name}${path.extname(importMetaFilename)}`;
  return pathToFileURL(path.join(path.dirname(importMetaFilename), entry));
}
