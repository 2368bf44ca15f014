// Builds primes.wasm from primes.c: node build.mjs. The compiler is an npm package; nothing else is needed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runClang } from '@yowasp/clang';

const source = readFileSync(join(import.meta.dirname, 'primes.c'), 'utf8');
const made = await runClang(['clang', '-O2', '-Wall', '-Wl,--strip-debug', 'primes.c', '-o', 'primes.wasm'], {
  'primes.c': source,
});
writeFileSync(join(import.meta.dirname, 'primes.wasm'), made['primes.wasm']);
