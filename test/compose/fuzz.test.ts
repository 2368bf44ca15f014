import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { ACTS, everything, mutantsOf } from '../fuzz/mutants.ts';

const ROOT = join(import.meta.dirname, '../cases');
const TEXTS = globSync(['**/*.yaml', '**/*.yml'], { cwd: ROOT })
  .toSorted()
  .map((file) => readFileSync(join(ROOT, file), 'utf8'));
/** More, and each measured, by hand: `test/fuzz/limits.ts`. */
const RUNS = 150;

let work = '';
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'wc-fuzz-'));
});
afterAll(() => rmSync(work, { recursive: true }));

const mutated = mutantsOf(TEXTS);

// Some of these are much work for a machine that is busy; none of them is timed.
describe('whatever a compose file holds', { timeout: 60_000 }, () => {
  test('it is understood, or the user is told what is wrong with it', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        expect(await everything(work, text)).not.toMatch(ACTS);
      }),
      { numRuns: RUNS },
    );
  });

  test('two files merge, or the user is told why not', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(mutated, mutated, async (text, override) => {
        expect(await everything(work, text, override)).not.toMatch(ACTS);
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  });

  const deep = 5_000;
  const chain = (count: number, link: (index: number) => string): string =>
    `services:\n${Array.from({ length: count }, (_, at) => `  s${at}: {image: a${at === 0 ? '' : `, ${link(at - 1)}`}}\n`).join('')}`;
  const TABLE: readonly (readonly [string, string, RegExp])[] = [
    ['brackets in brackets', `services: ${'['.repeat(deep)}${']'.repeat(deep)}`, /nested/],
    [
      'mappings in mappings',
      `services:\n${Array.from({ length: 2000 }, (_, at) => `${' '.repeat(at + 1)}a:\n`).join('')}`,
      /nested/,
    ],
    ['braces that are never closed', `services: ${'{a: '.repeat(deep)}`, /nested|PARSE/],
    ['dashes', `services: ${'- '.repeat(deep)}`, /nested|PARSE/],
    [
      'variables in variables',
      `services: {a: {image: "${'${A:-'.repeat(deep)}${'}'.repeat(deep)}"}}`,
      /nested|interpolation/,
    ],
    ['an alias of what it is in', 'services: &a {b: *a}', /cycle/],
    [
      'aliases of aliases of aliases',
      `a: &a0 [x]\n${Array.from({ length: 300 }, (_, at) => `b${at}: &a${at + 1} [*a${at}]\n`).join('')}services: {}`,
      /nested/,
    ],
    [
      'a bomb of aliases',
      `a: &a0 [x]\n${Array.from({ length: 30 }, (_, at) => `b${at}: &a${at + 1} [*a${at}, *a${at}, *a${at}]\n`).join('')}services: {}`,
      /aliases are written out/,
    ],
    ['a long chain of dependencies', chain(3_000, (at) => `depends_on: [s${at}]`), /^name:/],
    ['a long chain of bases', chain(1_000, (at) => `extends: s${at}`), /^name:/],
  ];
  for (const [name, text, expected] of TABLE) {
    test(name, async ({ expect }) => {
      expect(await everything(work, text)).toMatch(expected);
    });
  }

  test('__proto__ and its like are keys as any other', async ({ expect }) => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty'];
    const all = names.map((name) => `${name}: x`).join(', ');
    const text = await everything(work, `services: {constructor: {image: a, environment: {${all}}, labels: {${all}}}}`);
    for (const name of names) expect(text.match(new RegExp(`^ +${name}: x$`, 'gm'))).toHaveLength(2);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
