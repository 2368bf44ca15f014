import { readFileSync, writeFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { describe, test } from 'vitest';

import { COMMAND_HELP } from '../../src/cli/command-help.ts';
import { programOnly } from './program.ts';

const PAGE = new URL('../../docs/cli.md', import.meta.url);

describe('docs/cli.md', () => {
  test('is what the commands say of themselves (UPDATE=1 writes it)', ({ expect }) => {
    const page = reference(programOnly());
    if (process.env['UPDATE'] === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });

  test('every command has its place and examples, and nothing else has', ({ expect }) => {
    const names = programOnly()
      .createHelp()
      .visibleCommands(programOnly())
      .map((command) => command.name());
    expect(names.filter((name) => name !== 'help')).toEqual(Object.keys(COMMAND_HELP));
  });
});

function reference(program: Command): string {
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
  const parts = [
    '# Commands',
    'Made of what `wcompose --help` says; `UPDATE=1 vitest run --project unit test/cli/reference.test.ts` writes it.',
    '## Before the command',
    optionTable(program.options),
  ];
  let group = '';
  for (const command of commands) {
    if (command.helpGroup() !== group) parts.push(`## ${command.helpGroup().replace(/:$/, '')}`);
    group = command.helpGroup();
    parts.push(section(command));
  }
  return `${parts.join('\n\n')}\n`;
}

function section(command: Command): string {
  const { more, examples } = COMMAND_HELP[command.name()] ?? { examples: [] };
  const shown = examples.map(([line, what]) => `# ${what}\nwcompose ${line}`).join('\n');
  return [
    `### ${command.name()}`,
    `\`wcompose ${command.name()} ${command.usage()}\``,
    sentence(command.description()),
    ...(more === undefined ? [] : [more]),
    ...(command.options.length === 0 ? [] : [optionTable(command.options)]),
    `\`\`\`sh\n${shown}\n\`\`\``,
  ].join('\n\n');
}

function optionTable(options: readonly Option[]): string {
  const rows = options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const notes = [
        ...(option.argChoices === undefined ? [] : [option.argChoices.join(', ')]),
        ...(typeof option.defaultValue === 'string' ? [`default: ${option.defaultValue}`] : []),
      ];
      const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
      return `| \`${option.flags}\` | ${option.description.replaceAll('|', '\\|')}${note} |`;
    });
  return ['| option | |', '| --- | --- |', ...rows].join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
