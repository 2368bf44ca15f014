import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { describe, test } from 'vitest';

import { GLOBAL_OPTIONS, READ_COMMANDS } from '../../src/cli/command-table.ts';
import type { CommandContext, GlobalOptions } from '../../src/cli/context.ts';
import { Interrupts } from '../../src/cli/interrupt.ts';
import { createProgram } from '../../src/cli/program.ts';
import { readQuickly } from '../../src/cli/quick-arguments.ts';
import type { QuickArguments } from '../../src/cli/quick-arguments.ts';

/** What commander makes of the arguments, with the actions of the table put aside; undefined where it refuses them. */
async function readByCommander(
  args: readonly string[],
): Promise<(Omit<QuickArguments, 'command'> & { name: string }) | undefined> {
  let found: (Omit<QuickArguments, 'command'> & { name: string }) | undefined;
  let global: GlobalOptions = {};
  const rows = READ_COMMANDS.map((row) => ({
    ...row,
    action: async (names: readonly string[], options: Readonly<Record<string, unknown>>) => {
      found = { name: row.name, names, options: { ...options }, global };
      return await Promise.resolve(0);
    },
  }));
  const program = createProgram(
    async (options, command) => {
      global = { ...options };
      await command({} as CommandContext, new Interrupts());
    },
    '1',
    rows,
  );
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeErr: () => {}, writeOut: () => {} }).exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch {
    // CommanderError: it refuses them.
    return undefined;
  }
  return found;
}

function readByUs(args: readonly string[]): unknown {
  const quick = readQuickly(args);
  if (quick === undefined) return undefined;
  const { command, names, options, global } = quick;
  return { name: command.name, names, options, global };
}

describe('arguments that are read without commander', () => {
  const PLAIN: readonly (readonly [args: string, expected: unknown])[] = [
    ['version', { name: 'version', names: [], options: { format: 'pretty' }, global: {} }],
    [
      '-f a.yaml -f b.yaml config --no-interpolate web',
      { name: 'config', names: ['web'], global: { file: ['a.yaml', 'b.yaml'] } },
    ],
    ['--project-name=x ps -a web db', { name: 'ps', names: ['web', 'db'], global: { projectName: 'x' } }],
    ['logs -f web -n 10', { name: 'logs', names: ['web'], options: { follow: true, tail: '10', logPrefix: true } }],
    ['-f - convert -q', { name: 'config', options: { quiet: true }, global: { file: ['-'] } }],
  ];
  test.for(PLAIN)('%s', async ([text, expected], { expect }) => {
    const args = text.split(' ');
    expect(readByUs(args)).toMatchObject(expected as object);
    expect(await readByCommander(args)).toEqual(readByUs(args));
  });

  const LEFT = [
    '',
    'up',
    'ps --nonsense',
    'ps --all=1',
    'logs -n x',
    'why',
    'why a b',
    'version x',
    'config --format',
    'ps -aq',
    'ps -- -a',
    'config -o -x',
    '-h',
    'ps --help',
  ];
  test.for(LEFT)('left to commander: %s', (text, { expect }) => {
    expect(readQuickly(text.split(' ').filter((word) => word !== ''))).toBeUndefined();
  });

  test('mean the same to commander, whatever they are', async ({ expect }) => {
    const rows = [...GLOBAL_OPTIONS, ...READ_COMMANDS.flatMap(({ options }) => options)];
    const flags = rows.flatMap((row) => row.flags.split(/, | </).filter((flag) => flag.startsWith('-')));
    const word = constantFrom(
      ...new Set([
        ...flags,
        ...READ_COMMANDS.map(({ name }) => name),
        'web',
        'db',
        'json',
        'all',
        '5',
        '-',
        '',
        '--',
        '--format=json',
        '--tail=',
        '-x',
        'up',
      ]),
    );
    await assert(
      asyncProperty(
        array(word, { maxLength: 3 }),
        constantFrom(...READ_COMMANDS.map(({ name }) => name)),
        array(word, { maxLength: 5 }),
        async (before, command, after) => {
          const args = [...before, command, ...after];
          const ours = readByUs(args);
          if (ours !== undefined) expect(await readByCommander(args)).toEqual(ours);
        },
      ),
      { numRuns: 300 },
    );
  });
});
