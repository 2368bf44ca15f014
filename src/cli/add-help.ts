import type { Command } from 'commander';

import { COMMAND_HELP } from './command-help.ts';
import type { CommandHelp } from './command-help.ts';

/** Gives each command its place in the top help, and its examples. */
export function addHelp(program: Command): void {
  const places = Object.keys(COMMAND_HELP);
  // commander shows commands and their groups in the order in which it has them.
  (program.commands as Command[]).sort((a, b) => places.indexOf(a.name()) - places.indexOf(b.name()));
  const help = program.createCommand('help').argument('[command]').helpGroup('This program:');
  program.addHelpCommand(help.description('tell what a command does, with examples'));
  program.addHelpText('after', '\nwcompose help COMMAND tells what a command does, with examples.');
  for (const command of program.commands) {
    const about = COMMAND_HELP[command.name()];
    if (about === undefined) continue;
    command.helpGroup(about.group);
    command.addHelpText('after', helpText(about));
  }
}

function helpText({ more, examples }: CommandHelp): string {
  const lines = examples.flatMap(([command, what]) => [`  wcompose ${command}`, `      ${what}`]);
  return [...(more === undefined ? [] : ['', more]), '', 'Examples:', ...lines].join('\n');
}
