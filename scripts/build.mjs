/*
 * Builds dist from src; does nothing when dist is of these sources already. `--force` builds anyway.
 * A build is made aside and moved into place: a command that starts meanwhile sees a whole one, old or new.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { bundleClient } from './bundle-client.mjs';
import { describeSources, isBuilt, SOURCES_FILE } from './sources.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
// Read before the compiler runs: what is changed while it runs makes the build an old one.
const sources = describeSources(root);

if (process.argv.includes('--force') || !isBuilt(root)) await build();

async function build() {
  const aside = join(root, 'node_modules', '.cache', `build-${process.pid}`);
  rmSync(aside, { recursive: true, force: true });
  try {
    process.exitCode = compile(aside);
    if (process.exitCode !== 0) return;
    for (const generated of globSync('**/*.gen.js', { cwd: join(root, 'src') })) {
      cpSync(join(root, 'src', generated), join(aside, generated));
    }
    await bundleClient(aside, root);
    writeFileSync(join(aside, basename(SOURCES_FILE)), sources);
    rmSync(dist, { recursive: true, force: true });
    renameSync(aside, dist);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The compiler's exit status; it says on our output what is wrong. */
function compile(outDir) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', outDir];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}
