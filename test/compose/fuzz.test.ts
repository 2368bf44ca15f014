import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';

import { explainService } from '../../src/compose/explain.ts';
import { loadModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import { entriesOf, child } from '../../src/compose/node.ts';
import { formatConfig } from '../../src/compose/print-config.ts';
import { toProject } from '../../src/compose/to-project.ts';
import { WcError, WcErrors } from '../../src/model/diagnostic.ts';
import { formatError } from '../../src/model/format-diagnostic.ts';

const ROOT = join(import.meta.dirname, '../cases');
const TEXTS = globSync(['**/*.yaml', '**/*.yml'], { cwd: ROOT })
  .toSorted()
  .map((file) => readFileSync(join(ROOT, file), 'utf8'));
/** More, by hand: WCOMPOSE_FUZZ_RUNS=100000. */
const RUNS = Number(process.env['WCOMPOSE_FUZZ_RUNS'] ?? 150);

let work = '';
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'wc-fuzz-'));
});
afterAll(() => rmSync(work, { recursive: true }));

/** All that any command does with a compose file; what it says is what the user is told of an error. */
async function everything(text: string, override?: string): Promise<string> {
  const files = [join(work, 'compose.yaml')];
  writeFileSync(join(work, 'compose.yaml'), text);
  if (override !== undefined) {
    files.push(join(work, 'override.yaml'));
    writeFileSync(join(work, 'override.yaml'), override);
  }
  const project = { cwd: work, files, envFiles: [], profiles: ['*'], services: [], env: {}, stdin: async () => '' };
  try {
    const loaded = await loadModel(project, RUN_MODEL, new AbortController().signal);
    formatConfig(loaded.model, { format: 'json' });
    const services = entriesOf(child(loaded.model.root, 'services')).slice(0, 3);
    for (const [name] of services) await explainService(loaded.model.root, name);
    const printed = formatConfig(loaded.model, { format: 'yaml' });
    toProject(loaded);
    return printed;
  } catch (error) {
    const all = error instanceof WcErrors ? error.errors : [error];
    return all
      .map((one) => {
        if (!(one instanceof WcError) || one.code === 'ERR_INTERNAL') throw error;
        return formatError(one);
      })
      .join('\n');
  }
}

/** What a terminal would act on or show in the wrong order. */
const ACTS = /[^\P{C}\n]/u;

const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  '\u001B[2J',
  '\u202Eevil',
  '\u0000',
  '\uFEFF',
  '😀',
  'ß',
  'a'.repeat(5000),
];
const VALUES = [
  '',
  '~',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '9'.repeat(30),
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{a: {b: null}}',
  '!reset',
  '!override x',
  '${',
  '${A',
  '${A:-${B:-c}}',
  '$$',
  '"${A:?x}"',
  '*a',
  '&a b',
  '!!binary x',
  '!!map {}',
  '!foo bar',
  '<<',
  '|\n  x',
  '"\\u0000"',
  '1:2:3:4:5',
  '::',
  ':',
  '/',
  '.',
  '-',
  '0x1',
  '0-99999',
  '1-2:3-9',
  'service:',
  'service:web',
  '\t',
  '{<<: 1}',
  '{<<: {a: 1}}',
];

const mutation = fc.oneof(
  fc.record({
    kind: fc.constant('value' as const),
    value: fc.constantFrom(...VALUES, ...HOSTILE.map((one) => JSON.stringify(one))),
  }),
  fc.record({
    kind: fc.constant('key' as const),
    value: fc.constantFrom(...HOSTILE.map((one) => JSON.stringify(one)), 'services', 'x-a', '<<'),
  }),
  fc.record({
    kind: fc.constant('text' as const),
    value: fc.constantFrom('\n', ' ', '- ', ': ', '#', '"', "'", '[', '}', ...HOSTILE),
  }),
  fc.record({ kind: fc.constant('drop' as const), value: fc.constant('') }),
  fc.record({ kind: fc.constant('double' as const), value: fc.constant('') }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(text: string, { kind, value }: Mutation, where: number): string {
  const lines = text.split('\n');
  const index = Math.floor(where * lines.length);
  const line = lines[index] ?? '';
  const [, start = '', key = ''] = /^(\s*(?:- )?)([^:]*)/.exec(line) ?? [];
  const changed = {
    value: [`${start}${key}: ${value}`],
    key: [`${start}${value}${line.slice(start.length + key.length)}`],
    text: [line.slice(0, Math.floor(where * line.length)) + value + line.slice(Math.floor(where * line.length))],
    drop: [],
    double: [line, line],
  }[kind];
  return lines.toSpliced(index, 1, ...changed).join('\n');
}

const mutated = fc
  .tuple(
    fc.constantFrom(...TEXTS),
    fc.array(fc.tuple(mutation, fc.double({ min: 0, max: 0.999, noNaN: true })), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, changes]) => changes.reduce((so, [change, where]) => mutate(so, change, where), text));

// Some of these are much work for a machine that is busy; none of them is timed.
describe('whatever a compose file holds', { timeout: 60_000 }, () => {
  test('it is understood, or the user is told what is wrong with it', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        expect(await everything(text)).not.toMatch(ACTS);
      }),
      { numRuns: RUNS },
    );
  });

  test('two files merge, or the user is told why not', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(mutated, mutated, async (text, override) => {
        expect(await everything(text, override)).not.toMatch(ACTS);
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
      expect(await everything(text)).toMatch(expected);
    });
  }

  test('__proto__ and its like are keys as any other', async ({ expect }) => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty'];
    const all = names.map((name) => `${name}: x`).join(', ');
    const text = await everything(`services: {constructor: {image: a, environment: {${all}}, labels: {${all}}}}`);
    for (const name of names) expect(text.match(new RegExp(`^ +${name}: x$`, 'gm'))).toHaveLength(2);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
