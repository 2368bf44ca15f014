import { describe, test } from 'vitest';

import { capLimits, moduleLayer, TABLE_ENTRIES_LIMIT } from '../../../src/runtime/wasm/cap-limits.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MIB = 1024 * 1024;
const TEN_MILLION = [0x80, 0xad, 0xe2, 0x04];

function module(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...HEADER, ...sections.flatMap(([id = 0, ...bytes]) => [id, bytes.length, ...bytes])]);
}

/** 5: memories. */
const memory = (...limits: number[]): readonly number[] => [5, 1, ...limits];
/** 4: tables of functions. */
const table = (...limits: number[]): readonly number[] => [4, 1, 0x70, ...limits];
/** 7: exports `m`, the memory 0. */
const EXPORT = [7, 1, 1, 0x6d, 2, 0];

async function grownPages(bytes: Uint8Array, memoryBytes: number | undefined): Promise<number> {
  const { instance } = await instantiate(capLimits(bytes, memoryBytes).bytes);
  const grown = instance.exports['m'] as WebAssembly.Memory;
  let pages = grown.buffer.byteLength / 65_536;
  try {
    for (; pages < 64; pages++) grown.grow(1);
  } catch {
    // RangeError: the limit.
  }
  return pages;
}

async function instantiate(bytes: Uint8Array): Promise<{ readonly instance: WebAssembly.Instance }> {
  return { instance: await WebAssembly.instantiate(await WebAssembly.compile(bytes)) };
}

describe('how far a memory can grow', () => {
  const rows: readonly (readonly [string, readonly number[], number | undefined, number])[] = [
    ['without a limit of the service as far as it says', memory(1, 1, 9), undefined, 9],
    ['a memory without a maximum up to the limit', memory(0, 1), 2 * MIB, 32],
    ['a memory with a higher maximum up to the limit', memory(1, 1, 60), MIB, 16],
    ['a memory with a lower maximum up to its own', memory(1, 1, 3), MIB, 3],
    ['as far as it is when that is the limit', memory(0, 16), MIB, 16],
  ];
  for (const [name, section, limit, pages] of rows) {
    test(name, async ({ expect }) => {
      expect(await grownPages(module(section, EXPORT), limit)).toBe(pages);
    });
  }
});

describe('what is refused before it is compiled', () => {
  const rows: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['more memory from the start than it may have', module(memory(0, 17)), /needs 1 MiB .* limit is 1 MiB/],
    ['a table of ten million entries', module(table(0, ...TEN_MILLION)), /10000000 entries/],
    ['an imported table of ten million', module([2, 1, 0, 0, 1, 0x70, 0, ...TEN_MILLION]), /10000000 entries/],
    ['a shared memory that is not imported', module(memory(3, 1, 2)), /--import-memory/],
    ['a shared memory without a maximum', module([2, 1, 1, 0x65, 1, 0x6d, 2, 2, 4]), /--max-memory/],
    ['64-bit memory', module(memory(4, 1)), /64-bit/],
    ['limits nobody knows', module(memory(9, 1)), /unknown limits/],
    ['a section that ends in the middle', module(memory(1, 1)), /ends at byte/],
  ];
  for (const [name, bytes, message] of rows) {
    test(name, ({ expect }) => {
      expect(() => capLimits(bytes, MIB)).toThrow(message);
    });
  }
});

describe('what stays as it is', () => {
  test('an imported memory is told, with its limits', ({ expect }) => {
    const capped = capLimits(module([2, 1, 1, 0x65, 1, 0x6d, 2, 0, 4]), MIB);
    expect(capped.importedMemory).toEqual({ initial: 4, maximum: 16, shared: false });
    expect(WebAssembly.validate(capped.bytes)).toBe(true);
  });

  test('imports of every other kind', ({ expect }) => {
    const types = [1, 1, 0x60, 0, 0];
    const imports = [2, 3, 1, 0x65, 1, 0x66, 0, 0, 1, 0x65, 1, 0x67, 3, 0x7f, 0, 1, 0x65, 1, 0x74, 4, 0, 0];
    const bytes = module(types, imports);
    expect(capLimits(bytes, MIB).bytes).toEqual(bytes);
  });

  test('a table of a usual size can still grow, to the limit', async ({ expect }) => {
    const capped = capLimits(module(table(0, 10), [7, 1, 1, 0x74, 1, 0]), undefined);
    const { instance } = await instantiate(capped.bytes);
    const grown = instance.exports['t'] as WebAssembly.Table & { grow: (by: number) => number };
    expect(grown.grow(1_000)).toBe(10);
    expect(() => grown.grow(TABLE_ENTRIES_LIMIT)).toThrow();
  });

  test('a table with an initial value', ({ expect }) => {
    const bytes = module([4, 1, 0x40, 0, 0x70, 1, 1, 2, 0xd0, 0x70, 0x0b]);
    expect(capLimits(bytes, undefined).bytes).toEqual(bytes);
  });
});

describe('what a file is', () => {
  const rows = {
    module: [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    component: [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00],
    unknown: [0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0x01, 0x00],
  };
  for (const [layer, bytes] of Object.entries(rows)) {
    test(layer, ({ expect }) => {
      expect(moduleLayer(Uint8Array.from(bytes))).toBe(layer);
    });
  }
  test('a file that is too short is unknown', ({ expect }) => {
    expect(moduleLayer(Uint8Array.of(0, 0x61))).toBe('unknown');
  });
});
