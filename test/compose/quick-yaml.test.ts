import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, test } from 'vitest';

import { parseWithLibrary } from '../../src/compose/library-yaml.ts';
import { parseQuickly } from '../../src/compose/quick-yaml.ts';
import { SourceFile } from '../../src/compose/source-file.ts';
import { WcError } from '../../src/model/diagnostic.ts';

const ROOT = join(import.meta.dirname, '../cases');
const FILES = globSync(['**/*.yaml', '**/*.yml'], { cwd: ROOT }).toSorted();
const TEXTS = FILES.map((file) => readFileSync(join(ROOT, file), 'utf8'));
/** More, by hand: WCOMPOSE_FUZZ_RUNS=100000. */
const RUNS = Number(process.env['WCOMPOSE_FUZZ_RUNS'] ?? 400);

/** What the library makes of a text: its one document, or why there is none. */
function byLibrary(text: string): unknown {
  try {
    const documents = parseWithLibrary(new SourceFile('compose.yaml', '/compose.yaml', text));
    return documents.length === 1 ? documents[0] : `${documents.length} documents`;
  } catch (error) {
    if (error instanceof WcError) return error.message;
    throw error;
  }
}

/** Nothing is written at the place of an empty value, so each parser may name any place for it. */
function comparable(syntax: unknown): unknown {
  return JSON.parse(
    JSON.stringify(syntax, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'style' in value && value.style === 'empty'
        ? { ...value, offset: 0 }
        : value,
    ),
  );
}

describe('what the quick parser reads it reads as the library does', () => {
  for (const [index, file] of FILES.entries()) {
    test(file, ({ expect }) => {
      const text = TEXTS[index] ?? '';
      const quick = parseQuickly(text);
      if (quick !== undefined) expect(comparable(quick)).toEqual(comparable(byLibrary(text)));
    });
  }

  test('it reads most files', ({ expect }) => {
    expect(TEXTS.filter((text) => parseQuickly(text) !== undefined).length).toBeGreaterThan(FILES.length * 0.6);
  });

  const PIECES = [
    'a',
    'b: c',
    'b:',
    ':',
    ': ',
    '- ',
    '-',
    '  ',
    '    ',
    '\n',
    '\n\n',
    '\n  ',
    '\n    ',
    ' ',
    '#',
    ' # x',
    '[',
    ']',
    '{',
    '}',
    ', ',
    ',',
    '"',
    "'",
    '&x ',
    '*x',
    '!reset ',
    '!!str ',
    '|\n',
    '|-\n',
    '>\n',
    '?',
    '<<: ',
    '0',
    '1',
    '07',
    '~',
    'null',
    'true',
    '${A:-b}',
    '\\',
    '\\n',
    '%',
    '@',
    '`',
    '---',
    '...',
    '\t',
    'é',
    '=',
    '/',
    '.',
    '$',
    '*',
    '&',
    '!',
  ];

  test('texts of pieces of YAML', ({ expect }) => {
    const texts = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        const quick = parseQuickly(text);
        if (quick !== undefined) expect(comparable(quick)).toEqual(comparable(byLibrary(text)));
      }),
      { numRuns: RUNS },
    );
  });

  test('files with something put in, taken out or doubled', ({ expect }) => {
    const change = fc.record({
      text: fc.constantFrom(...TEXTS),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      removed: fc.nat(4),
      put: fc.array(fc.constantFrom(...PIECES), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(change, ({ text, at, removed, put }) => {
        const place = Math.floor(at * text.length);
        const changed = `${text.slice(0, place)}${put.join('')}${text.slice(place + removed)}`;
        const quick = parseQuickly(changed);
        if (quick !== undefined) expect(comparable(quick)).toEqual(comparable(byLibrary(changed)));
      }),
      { numRuns: RUNS },
    );
  });
});
