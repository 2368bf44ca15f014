import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import type { ConfigOptions } from './commands/config.ts';
import type { CommandContext, ExitStatusCode, GlobalOptions } from './context.ts';
import { addInstanceCommands } from './instance-commands.ts';
import { addMoreCommands } from './more-commands.ts';
import type { Interrupts } from './interrupt.ts';

/** Runs one command with its context; gives the exit status to the process. */
export type RunCommand = (
  options: GlobalOptions,
  command: (context: CommandContext, interrupts: Interrupts) => Promise<ExitStatusCode>,
) => Promise<void>;

/** The command line. Each command's code is loaded when it is used, so that `ps` does not pay for `up`. */
export function createProgram(run: RunCommand, version: string): Command {
  const program = new Command('wcompose')
    .description('Compose for containers and WebAssembly: one file, one command, one network.')
    .version(version, '-v, --version')
    .option('-f, --file <path>', 'compose file; may be given several times', collect)
    .option('-p, --project-name <name>', 'name of the project')
    .option('--project-directory <path>', 'directory that relative paths begin at')
    .option('--env-file <path>', 'file with variables for the compose file; may be given several times', collect)
    .option('--profile <name>', 'profile to enable; may be given several times', collect)
    .option('--all-resources', 'keep networks, volumes, secrets and configs that no service uses')
    // `-f` and `-v` mean other things to a command than before it: logs -f, down -v.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(wcompose --help lists what there is)')
    .showSuggestionAfterError();
  const global = (): GlobalOptions => program.opts<GlobalOptions>();
  addUp(program, run, global);
  addDown(program, run, global);
  addServiceCommands(program, run, global);
  addListings(program, run, global);
  addInstanceCommands(program, run, global);
  addMoreCommands(program, run, global);
  return program;
}

export { CommanderError };

type Global = () => GlobalOptions;

function addUp(program: Command, run: RunCommand, global: Global): void {
  program
    .command('up [services...]')
    .description('create and start what is missing or changed, and follow the logs')
    .option('-d, --detach', 'leave it running in the background')
    .option('--wait', 'wait until every service runs and is healthy; implies --detach')
    .option('--wait-timeout <seconds>', 'longest time to wait', seconds)
    .option('--dry-run', 'show the plan and change nothing')
    .option('--build', 'run the commands that make modules first')
    .option('--no-build', 'run none of them, also where a module is missing')
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

function addListings(program: Command, run: RunCommand, global: Global): void {
  program
    .command('ps [services...]')
    .description('list the instances of the project')
    .option('-a, --all', 'also those that do not run')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .option('-q, --quiet', 'only ids')
    .option('--services', 'only names of services')
    .action(async (services: string[], options: { format: 'table' | 'json' }) => {
      const { ps } = await import('./commands/ps.ts');
      await run(global(), async (context) => await ps(services, options, context));
    });
  program
    .command('logs [services...]')
    .description('print what the services printed')
    .option('-f, --follow', 'go on with what comes')
    .option('-n, --tail <lines>', 'at most this many lines of each instance', tail, 'all')
    .option('-t, --timestamps', 'print lines with their time')
    .option('--no-log-prefix', 'print lines without the name of their service')
    .action(async (services: string[], options: { tail: string }) => {
      const { logs } = await import('./commands/logs.ts');
      await run(global(), async (context, interrupts) => await logs(services, options, context, interrupts));
    });
  addConfig(program, run, global);
  program
    .command('why <service>')
    .description('show from which file and line each value of a service comes')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action(async (service: string, options: { format: 'table' | 'json' }) => {
      const { why } = await import('./commands/why.ts');
      await run(global(), async (context) => await why(service, options, context));
    });
  program
    .command('version')
    .description('print the version')
    .addOption(new Option('-f, --format <format>', 'how to print').choices(['pretty', 'json']).default('pretty'))
    .option('--short', 'only the number')
    .action(async (options: { format: 'pretty' | 'json' }) => {
      const { version } = await import('./commands/version.ts');
      await run(global(), async (context) => version(options, context));
    });
}

function addConfig(program: Command, run: RunCommand, global: Global): void {
  program
    .command('config [services...]')
    .alias('convert')
    .description('print the compose file as it is understood')
    .addOption(new Option('--format <format>', 'how to print').choices(['yaml', 'json']).default('yaml'))
    .option('-q, --quiet', 'only check')
    .option('-o, --output <file>', 'write to a file')
    .option('--services', 'only names of services')
    .option('--volumes', 'only names of volumes')
    .option('--networks', 'only names of networks')
    .option('--models', 'only names of models')
    .option('--images', 'only names of images')
    .option('--profiles', 'only names of profiles')
    .option('--hash <services>', 'only hashes of the services, separated by commas; * for all')
    .option('--variables', 'only the variables that the file refers to')
    .option('--environment', 'only the variables that are filled in')
    .option('--no-interpolate', 'do not fill in variables')
    .option('--no-normalize', 'do not add what the file implies')
    .option('--no-path-resolution', 'do not complete paths')
    .option('--no-consistency', 'do not check whether the file is consistent')
    .option('--no-env-resolution', 'do not read env files of services')
    .action(async (services: string[], options: Omit<ConfigOptions, 'allResources'>) => {
      const { config } = await import('./commands/config.ts');
      const { allResources } = program.opts<{ allResources?: boolean }>();
      const given = allResources === undefined ? options : { ...options, allResources };
      await run(global(), async (context) => await config(services, given, context));
    });
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function seconds(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0 && value.trim() !== '') return number;
  throw new InvalidArgumentError('a number of seconds is expected.');
}

function tail(value: string): string {
  if (value === 'all' || /^\d+$/.test(value)) return value;
  throw new InvalidArgumentError('a number of lines or "all" is expected.');
}
