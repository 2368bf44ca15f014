import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';

import { explainService } from '../../src/compose/explain.ts';
import { loadModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import { child, entriesOf } from '../../src/compose/node.ts';
import { formatConfig } from '../../src/compose/print-config.ts';
import { toProject } from '../../src/compose/to-project.ts';
import { WcError, WcErrors } from '../../src/model/diagnostic.ts';
import { formatError } from '../../src/model/format-diagnostic.ts';

/** Compose files with one to four changes: other values and keys, pieces of text, lines less or twice. */
export function mutantsOf(texts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(mutation, fc.double({ min: 0, max: 0.999, noNaN: true })), { minLength: 1, maxLength: 4 }),
    )
    .map(([text, changes]) => changes.reduce((so, [change, where]) => mutate(so, change, where), text));
}

/**
 * All that any command does with a compose file, in an empty directory; what it says is what the user is told of an error.
 * Throws what is no error of ours.
 */
export async function everything(work: string, text: string, override?: string): Promise<string> {
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
export const ACTS = /[^\P{C}\n]/u;

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
