import { readFileSync } from 'node:fs';

import { test } from 'vitest';

import { capLimits } from '../../../src/runtime/wasm/cap-limits.ts';
import { liftMemory } from '../../../src/runtime/wasm/lift-memory.ts';
import { guestPath } from '../../guests/build.ts';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const TYPES = [1, 4, 1, 0x60, 0, 0];
const IMPORTED_FUNCTION = [2, 7, 1, 1, 0x61, 1, 0x62, 0, 0];
const IMPORTED_MEMORY = [2, 8, 1, 1, 0x61, 1, 0x62, 2, 0, 1];
const MEMORY = [5, 3, 1, 0, 2];
const EXPORT = [7, 5, 1, 1, 0x6d, 2, 0];
const DATA = [11, 7, 1, 0, 0x41, 3, 0x0b, 1, 0x78];
const CUSTOM = [0, 3, 1, 0x63, 0];

const lift = (...parts: readonly (readonly number[])[]): ReturnType<typeof liftMemory> =>
  liftMemory(capLimits(Uint8Array.from([...HEADER, ...parts.flat()]), undefined));

test.for([
  ['beside an imported function', [CUSTOM, TYPES, IMPORTED_FUNCTION, MEMORY, EXPORT, DATA], ['b', 'memory']],
  ['without imports', [CUSTOM, TYPES, CUSTOM, MEMORY, EXPORT, DATA], ['memory']],
  ['without types', [MEMORY, EXPORT, DATA], ['memory']],
] as const)('a memory becomes an import: %s', ([, parts, names], { expect }) => {
  const { bytes, importedMemory } = lift(...parts);
  expect(importedMemory).toEqual({ initial: 2, maximum: 65_536, shared: false });
  const module = new WebAssembly.Module(bytes);
  expect(
    WebAssembly.Module.imports(module)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(names);
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536 });
  const instance = new WebAssembly.Instance(module, { a: { b: () => undefined }, wcompose: { memory } });
  expect(instance.exports['m']).toBe(memory);
  expect(new Uint8Array(memory.buffer)[3]).toBe(0x78);
});

test.for([
  ['imports its memory already', [IMPORTED_MEMORY, EXPORT]],
  ['has none', [TYPES]],
  ['has two', [[5, 5, 2, 0, 1, 0, 1]]],
] as const)('a module stays as it is when it %s', ([, parts], { expect }) => {
  const capped = capLimits(Uint8Array.from([...HEADER, ...parts.flat()]), undefined);
  expect(liftMemory(capped)).toBe(capped);
});

test('a whole program is valid as before', ({ expect }) => {
  const { bytes, importedMemory } = liftMemory(capLimits(readFileSync(guestPath('cgi')), 16 << 20));
  expect(WebAssembly.validate(bytes)).toBe(true);
  expect(importedMemory?.maximum).toBe(256);
});
