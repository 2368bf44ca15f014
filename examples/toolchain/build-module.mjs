/*
 * build-module.mjs OUT.wasm SOURCE.c...
 *
 * Compiles C to a WASI command with clang from npm (@yowasp/clang, a development dependency of this repository): no
 * compiler, no WASI SDK and no container is needed. Headers are those beside the sources and beside this file. With
 * wasi-sdk the same is
 *   clang --target=wasm32-wasip1 -std=c23 -Oz -s -I examples/toolchain SOURCE.c... -o OUT.wasm
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runClang, runLLVM } from '@yowasp/clang';

const FLAGS = ['--target=wasm32-wasip1', '-std=c23', '-Oz', '-flto', '-Wall', '-Wextra', '-Werror', '-s'];

const self = fileURLToPath(import.meta.url);

/** The module made from the C sources: the same bytes on every machine. */
export async function buildModule(sources) {
  const files = {};
  for (const dir of new Set([dirname(self), ...sources.map((source) => dirname(source))])) {
    for (const name of readdirSync(dir)) if (name.endsWith('.h')) files[name] = readFileSync(join(dir, name), 'utf8');
  }
  for (const source of sources) files[basename(source)] = readFileSync(source, 'utf8');
  const args = ['clang', ...FLAGS, ...sources.map((source) => basename(source)), '-o', 'out.wasm'];
  // Loaded first and in silence: else the compiler tells how it loads itself, on the output of whoever runs us.
  await runLLVM(null, {}, { fetchProgress: () => {} });
  const made = await runClang(args, files);
  return made['out.wasm'];
}

if (process.argv[1] === self) {
  const [out, ...sources] = process.argv.slice(2);
  writeFileSync(out, await buildModule(sources));
}
