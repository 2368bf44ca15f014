import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { GLOBAL_OPTIONS, READ_COMMANDS } from './command-table.ts';
import type { CommandRow, OptionRow } from './command-table.ts';
import type { CommandContext, ExitStatusCode, GlobalOptions } from './context.ts';
import { addImageCommands } from './image-commands.ts';
import { addInstanceCommands } from './instance-commands.ts';
import { addMoreCommands } from './more-commands.ts';
import type { Interrupts } from './interrupt.ts';

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
  addUp(program, run, global);
  addDown(program, run, global);
  addServiceCommands(program, run, global);
  for (const row of rows) addRow(program, row, run, global);
  addInstanceCommands(program, run, global);
  addMoreCommands(program, run, global);
  addImageCommands(program, run, global);
  return program;
}

type Global = () => GlobalOptions;

function addUp(program: Command, run: RunCommand, global: Global): void {
  program
    .command('up [services...]')
    .description('create and start what is missing or changed, and follow the logs')
    .option('-d, --detach', 'leave it running in the background')
    .option('--wait', 'wait until every service runs and is healthy; implies --detach')
    .option('--wait-timeout <seconds>', 'longest time to wait', seconds)
    .option('--dry-run', 'show the plan and change nothing')
    .option('--build', 'build images and modules first, also those that are there')
    .option('--no-build', 'build nothing, also where an image or a module is missing')
    .option('--force-recreate', 'create every instance anew')
    .option('--no-recreate', 'leave what exists as it is, also when its configuration changed')
    .option('--no-deps', 'leave out what the named services depend on')
    .option('--no-start', 'create only')
    .option('--remove-orphans', 'remove instances of services the file no longer has')
    .option('--scale <service=number>', 'number of its replicas; may be given several times', collect)
    .option('--abort-on-container-exit', 'stop everything when the first instance has ended')
    .option('--abort-on-container-failure', 'stop everything when one has failed, and end with its status')
    .option('--exit-code-from <service>', 'end with the status of this service; implies --abort-on-container-exit')
    .option('--fail-fast', 'end everything at the first failure')
    .option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds)
    .option('--no-log-prefix', 'print log lines without the name of their service')
    .option('--timestamps', 'print log lines with their time')
    .action(async (services: string[], options: Record<string, unknown>) => {
      const { up } = await import('./commands/up.ts');
      // commander turns `--no-x` into `x: false`.
      const given = {
        ...options,
        noRecreate: options['recreate'] === false,
        noDeps: options['deps'] === false,
        noStart: options['start'] === false,
      };
      await run(global(), async (context, interrupts) => await up(services, given, context, interrupts));
    });
}

function addDown(program: Command, run: RunCommand, global: Global): void {
  program
    .command('down')
    .description('stop and remove the instances and networks of the project')
    .option('-v, --volumes', 'also remove its named volumes')
    .option('--remove-orphans', 'also remove instances of services the file no longer has')
    .option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds)
    .option('--dry-run', 'show the plan and change nothing')
    .action(async (options: object) => {
      const { down } = await import('./commands/down.ts');
      await run(global(), async (context, interrupts) => await down(options, context, interrupts));
    });
}

const SERVICE_COMMANDS = [
  ['start', 'start instances that exist and do not run'],
  ['stop', 'stop instances and keep them'],
  ['restart', 'stop and start instances that exist'],
] as const;

function addServiceCommands(program: Command, run: RunCommand, global: Global): void {
  for (const [action, description] of SERVICE_COMMANDS) {
    const command = program.command(`${action} [services...]`).description(description);
    if (action !== 'start') command.option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds);
    command.action(async (services: string[], options: { timeout?: number }) => {
      const { changeServices } = await import('./commands/services.ts');
      await run(
        global(),
        async (context, interrupts) => await changeServices(action, services, options, context, interrupts),
      );
    });
  }
}

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

function seconds(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0 && value.trim() !== '') return number;
  throw new InvalidArgumentError('a number of seconds is expected.');
}
