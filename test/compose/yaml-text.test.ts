import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { parse } from 'yaml';

import { yamlText } from '../../src/compose/yaml-text.ts';

const TEXTS: readonly string[] = [
  '',
  ' ',
  'a b',
  'a: b',
  'a #b',
  'a:',
  '- a',
  '#',
  '~',
  'null',
  'yes',
  'Off',
  'n',
  'true',
  '0',
  '010',
  '1_000',
  '1e3',
  '0x1f',
  '0b1',
  '1:30',
  '2001-01-01',
  '.5',
  '.inf',
  '.nan',
  '=',
  '<<',
  '*a',
  '&a',
  '!a',
  '|',
  '>',
  '%a',
  '@a',
  '`a',
  '"a"',
  "'a'",
  '[a]',
  '{a}',
  'a,b',
  '10s',
  '18-alpine',
  '192.168.1.1',
  './a',
  '../a',
  '${A:-b}',
  '\t',
  'a\tb',
  'é',
  '😀',
  'a\nb',
  'a\nb\n',
  'a\n\n',
  '\na',
  ' a\nb',
  'a\n  b',
  'a\n \nb',
  'a\r\nb',
  '\u0000',
  '\u001B[31m',
  '\u202Ea',
  '\u2028',
  '\uFEFF',
  '---',
  '...',
  '?',
  '? a',
  ':',
  'a\\b',
  '-',
  '--port',
  'x'.repeat(2000),
  '1234567890123456789',
];

/** Any but halves of pairs. fast-check's own `binary` makes a table of all of them first, which takes a second or two. */
const character = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

describe('data written as YAML is the same data when it is read', () => {
  for (const version of ['1.1', '1.2'] as const) {
    test(`by a reader of YAML ${version}`, ({ expect }) => {
      const data = {
        texts: TEXTS,
        keys: Object.fromEntries(TEXTS.map((text) => [text, { [text]: [text, [text], {}] }])),
      };
      expect(parse(yamlText(data), { version, logLevel: 'silent', merge: false })).toEqual(data);
    });

    test(`any texts, by a reader of YAML ${version}`, ({ expect }) => {
      fc.assert(
        fc.property(fc.array(fc.string({ unit: character }), { maxLength: 3 }), (texts) => {
          expect(parse(yamlText({ texts }), { version, logLevel: 'silent', merge: false })).toEqual({ texts });
        }),
        { numRuns: 200, endOnFailure: true, interruptAfterTimeLimit: 1_000 },
      );
    });
  }
});
