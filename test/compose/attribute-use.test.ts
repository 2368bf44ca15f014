import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { wasmAttributesPage } from '../../scripts/generate-wasm-attributes.mjs';
import { ATTRIBUTE_USE } from '../../src/compose/attribute-use.ts';
import { SERVICE } from '../../src/compose/service-attributes.ts';
import { ENGINE_ATTRIBUTES } from '../../src/runtime/container/engine-attributes.ts';

const PAGE = join(import.meta.dirname, '../../docs/wasm-attributes.md');

describe('what is made of each attribute', () => {
  test('is said of every attribute that there is', ({ expect }) => {
    expect(Object.keys(ATTRIBUTE_USE).toSorted()).toEqual(Object.keys(SERVICE.keys).toSorted());
  });

  test('the container driver knows all that is handed to it by name', ({ expect }) => {
    const handed = Object.entries(ATTRIBUTE_USE).filter(([, use]) => use.container === 'engine');
    expect(handed.map(([name]) => name).filter((name) => ENGINE_ATTRIBUTES[name] === undefined)).toEqual([]);
  });

  test('is what the documentation says (UPDATE=1 writes it)', ({ expect }) => {
    const page = wasmAttributesPage();
    if (process.env['UPDATE'] === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});
