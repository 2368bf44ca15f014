import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Says from which sources `dist` was built. */
export const SOURCES_FILE = 'dist/.sources';

/**
 * Name, size and time of every file a build is made from. Equal text: the same build. It is compared whole, not for
 * "newer than": a file that was removed, or came back older, must count too.
 */
export function describeSources(root) {
  const lines = ['tsconfig.json', 'tsconfig.build.json'].map((file) => describe(root, file));
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) lines.push(describe(entry.parentPath, entry.name));
  }
  return lines.sort().join('\n');
}

function describe(dir, name) {
  const { size, mtimeMs } = statSync(join(dir, name));
  return `${join(dir, name)} ${size} ${mtimeMs}`;
}
