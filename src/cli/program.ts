import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { addHelp } from './add-help.ts';
import { GLOBAL_OPTIONS, READ_COMMANDS } from './command-table.ts';
import type { CommandRow, OptionRow } from './command-table.ts';
import type { CommandContext, ExitStatusCode, GlobalOptions } from './context.ts';
import { addImageCommands } from './image-commands.ts';
import { addInstanceCommands } from './instance-commands.ts';
import { addMoreCommands } from './more-commands.ts';
import type { Interrupts } from './interrupt.ts';
import { addProgramCommands } from './program-commands.ts';
import { addProjectCommands } from './project-commands.ts';

/** Runs one command with its context; gives the exit status to the process. */
export type RunCommand = (
  options: GlobalOptions,
  command: (context: CommandContext, interrupts: Interrupts) => Promise<ExitStatusCode>,
) => Promise<void>;

/** Reads the arguments and runs their command. The exit status where commander itself ended it: help, a mistake. */
export async function runProgram(
  args: readonly string[],
  run: RunCommand,
  version: string,
): Promise<number | undefined> {
  try {
    await createProgram(run, version).parseAsync(args, { from: 'user' });
  } catch (error) {
    // Its own text is printed by commander; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return undefined;
}

/** The command line. Each command's code is loaded when it is used, so that `ps` does not pay for `up`. */
export function createProgram(run: RunCommand, version: string, rows = READ_COMMANDS): Command {
  const program = new Command('wcompose')
    .description('Compose for containers and WebAssembly: one file, one command, one network.')
    .version(version, '-v, --version')
    // `-f` and `-v` mean other things to a command than before it: logs -f, down -v.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(wcompose --help lists what there is)')
    .showSuggestionAfterError();
  for (const option of GLOBAL_OPTIONS) program.addOption(optionOf(option));
  const global = (): GlobalOptions => program.opts<GlobalOptions>();
  addProjectCommands(program, run, global);
  for (const row of rows) addRow(program, row, run, global);
  addInstanceCommands(program, run, global);
  addMoreCommands(program, run, global);
  addImageCommands(program, run, global);
  addProgramCommands(program, run, global);
  addHelp(program);
  return program;
}

type Global = () => GlobalOptions;

/** The commands whose arguments are mostly read without commander. */
function addRow(program: Command, row: CommandRow, run: RunCommand, global: Global): void {
  const command = program.command(row.argument === undefined ? row.name : `${row.name} ${row.argument}`);
  command.description(row.description);
  if (row.alias !== undefined) command.alias(row.alias);
  for (const option of row.options) command.addOption(optionOf(option));
  // commander hands over: the argument where there is one, the options, the command.
  command.action(async (...given: readonly unknown[]) => {
    const names = row.argument === undefined ? [] : [given[0]].flat();
    const options = given[row.argument === undefined ? 0 : 1];
    await run(
      global(),
      async (context, interrupts) =>
        await row.action(names as string[], options as Record<string, unknown>, context, interrupts),
    );
  });
}

function optionOf(row: OptionRow): Option {
  const option = new Option(row.flags, row.description);
  if (row.initial !== undefined) option.default(row.initial);
  if (row.choices !== undefined) option.choices(row.choices);
  if (row.list === true) option.argParser(collect);
  const { accepts } = row;
  if (accepts !== undefined) {
    option.argParser((value) => {
      if (accepts.pattern.test(value)) return value;
      throw new InvalidArgumentError(`${accepts.expected} is expected.`);
    });
  }
  return option;
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
