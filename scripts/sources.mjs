import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Says from which sources `dist` was built. */
export const SOURCES_FILE = 'dist/.sources';

/**
 * Size and time of every file a build is made from, and the time of every directory, which changes when a file comes
 * or goes. Compared whole, not for "newer than": a file that came back older must count too.
 */
export function describeSources(root) {
  const below = readdirSync(join(root, 'src'), { recursive: true }).map((path) => join('src', path));
  const paths = ['tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs', 'src', ...below.sort()];
  return paths.map((path) => describe(root, path)).join('\n');
}

/** True where `dist` is of these sources. Every command in a checkout asks: one look at each path, no listing. */
export function isBuilt(root) {
  try {
    const lines = readFileSync(join(root, SOURCES_FILE), 'utf8').split('\n');
    return lines.every((line) => line === describe(root, line.split('\t')[2] ?? ''));
  } catch (error) {
    // Never built, or a source that it was built from is gone.
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function describe(root, path) {
  const stat = statSync(join(root, path));
  return `${stat.isDirectory() ? '-' : stat.size}\t${stat.mtimeMs}\t${path}`;
}
