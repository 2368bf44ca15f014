import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import type { createWasmRuntime } from '../../src/runtime/wasm/driver.ts';

/**
 * The Wasm driver from what was built, for guests with processes of their own: a process loads our code anew each time,
 * and half a second of that would be for taking the types out of the sources.
 */
export async function builtDriver(): Promise<typeof createWasmRuntime> {
  building ??= promisify(execFile)(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs')]);
  await building;
  const built = pathToFileURL(path.join(ROOT, 'dist', 'runtime', 'wasm', 'driver.js')).href;
  const driver = (await import(/* @vite-ignore */ built)) as { readonly createWasmRuntime: typeof createWasmRuntime };
  return driver.createWasmRuntime;
}

const ROOT = path.join(import.meta.dirname, '..', '..');
let building: Promise<unknown> | undefined;
