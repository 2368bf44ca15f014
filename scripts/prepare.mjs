/*
 * What npm runs after `npm ci` in a checkout: the build, and `node_modules/.bin/wcompose`, which npm links for a
 * dependency but not for the package itself. It never runs where the package is installed.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

// `npm ci --omit=dev`: there is nothing to build with, and bin/wcompose.js runs the sources.
if (existsSync(join(root, 'node_modules', 'typescript'))) {
  await import('./build.mjs');
  if (process.platform !== 'win32') linkCommand(join(root, 'node_modules', '.bin', 'wcompose'));
}

/**
 * Not a symbolic link to bin/wcompose.js: a system Node may be too old for it, and would stay as a second process
 * between the terminal and the command. `exec` leaves one process, on the pinned Node.
 */
function linkCommand(path) {
  rmSync(path, { force: true });
  const script = `#!/bin/sh
# Made by scripts/prepare.mjs: the wcompose of this checkout on its pinned Node.
modules=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$modules/node/bin/node" "$(dirname "$modules")/bin/wcompose.js" "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
}
