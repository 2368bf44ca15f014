import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { rolldown } from 'rolldown';

/** Folders that only the client uses: nothing of them is left beside the bundle. */
const CLIENT_FOLDERS = ['cli', 'compose', 'ui'];

/**
 * Puts the client in a few files: `dist/cli/main.cjs`, and one for what a single command needs. Reading a hundred small
 * files takes longer than most commands. CommonJS, because Node starts it without its module loader. What the client
 * imports while it runs (`import()`) is loaded then, as in the sources.
 */
export async function bundleClient(dist, root) {
  const made = join(dist, 'bundle');
  const bundle = await rolldown({
    input: { main: join(dist, 'cli/main.js') },
    platform: 'node',
    external: /^node:/,
    plugins: [withoutProcesses],
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`the bundle of the client: ${log.message}`);
    },
  });
  await bundle.write({
    dir: made,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    codeSplitting: { groups: groupsOf(dist) },
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  });
  await bundle.close();
  writeFileSync(join(made, 'LICENSES'), PACKAGES.map((name) => licenseOf(name, root)).join('\n'));
  for (const folder of CLIENT_FOLDERS) rmSync(join(dist, folder), { recursive: true });
  renameSync(made, join(dist, 'cli'));
}

/** Every file costs: what is needed together is one. The rest is split where the sources import while they run. */
function groupsOf(given) {
  const dist = realpathSync(given);
  const group = (name, files) => ({ name, test: (id) => files.test(relative(dist, id)) });
  return [
    group('base', /^(?:model|util|ui)\/|^control\/version\.js$/),
    group('control', /^(?:control|logs)\/|^cli\/(?:connect|stream-logs|require-known)\.js$/),
    group('name', NAME_OF_PROJECT),
    group(
      'compose',
      /^compose\/(?!(?:to-.*|load|is-wasm|conversion|attribute-use|library-yaml|explain|list-variables|service-hash)\.js$)/,
    ),
  ];
}

/** What finding out the name of the project takes: `ps` and `logs` need no more. */
const NAME_OF_PROJECT =
  /^compose\/(?:project-name|find-files|project-environment|dotenv|read-text|source-file|template|interpolate|node|problems|parse-yaml|quick-yaml|plain-scalar)\.js$/;

/** What the bundle holds besides our own. */
const PACKAGES = ['commander', 'yaml'];

function licenseOf(name, root) {
  return `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`;
}

/** commander can run other programs as commands of its own; none of ours are, and loading what starts them takes time. */
const withoutProcesses = {
  name: 'commander-without-processes',
  resolveId: (source, importer) =>
    source === 'node:child_process' && importer?.includes('commander') ? NO_PROCESSES : undefined,
  load: (id) => (id === NO_PROCESSES ? 'export default {};' : undefined),
};

const NO_PROCESSES = '\0no-processes';
