import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, test } from 'vitest';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));

/** Module and sources of each example. */
const MODULES = [
  ['guestbook/api/api.wasm', ['guestbook/api/api.c', 'guestbook/api/redis.c']],
  ['cgi/hello.wasm', ['cgi/hello.c']],
  ['hello-wasm/hello.wasm', ['hello-wasm/hello.c']],
  ['wasmer-batch/primes.wasm', ['wasmer-batch/primes.c']],
] as const;

interface Toolchain {
  readonly buildModule: (sources: readonly string[]) => Promise<Uint8Array>;
}

describe('a committed module of an example is what its sources give, byte for byte', () => {
  test('every module is in the table', ({ expect }) => {
    const found = globSync('**/*.wasm', { cwd: examples }).toSorted();
    expect(found).toEqual(MODULES.map(([module]) => module).toSorted());
  });

  test.for(MODULES)('%s', { timeout: 180_000 }, async ([module, sources], { expect }) => {
    const { buildModule } = (await import(join(examples, 'toolchain/build-module.mjs'))) as Toolchain;
    const built = await buildModule(sources.map((source) => join(examples, source)));
    expect(Buffer.from(built).equals(readFileSync(join(examples, module)))).toBe(true);
  });
});
