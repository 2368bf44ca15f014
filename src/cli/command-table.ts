import type { CommandContext, ExitStatusCode } from './context.ts';
import type { Interrupts } from './interrupt.ts';
import type { ConfigOptions } from './commands/config.ts';
import type { LogsOptions } from './commands/logs.ts';
import type { PsOptions } from './commands/ps.ts';
import type { VersionOptions } from './commands/version.ts';
import type { WhyOptions } from './commands/why.ts';

/** An option as data: of it commander's is made, and `quick-arguments.ts` reads it directly. */
export interface OptionRow {
  /** `-o, --output <file>` takes a value, `-q, --quiet` does not; `--no-x` sets `x`, which is true without it. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly initial?: string;
  /** May be given several times. */
  readonly list?: true;
  readonly accepts?: { readonly pattern: RegExp; readonly expected: string };
}

export interface CommandRow {
  readonly name: string;
  readonly alias?: string;
  readonly argument?: '[services...]' | '<service>';
  readonly description: string;
  readonly options: readonly OptionRow[];
  readonly action: (
    names: readonly string[],
    options: Readonly<Record<string, unknown>>,
    context: CommandContext,
    interrupts: Interrupts,
  ) => Promise<ExitStatusCode>;
}

/** Before the command: which project. */
export const GLOBAL_OPTIONS: readonly OptionRow[] = [
  { flags: '-f, --file <path>', description: 'compose file; may be given several times', list: true },
  { flags: '-p, --project-name <name>', description: 'name of the project' },
  { flags: '--project-directory <path>', description: 'directory that relative paths begin at' },
  {
    flags: '--env-file <path>',
    description: 'file with variables for the compose file; may be given several times',
    list: true,
  },
  { flags: '--profile <name>', description: 'profile to enable; may be given several times', list: true },
  { flags: '--all-resources', description: 'keep networks, volumes, secrets and configs that no service uses' },
];

/**
 * The commands that only read and are used all the time. Loading commander and describing every command to it takes
 * longer than they do themselves, so their arguments are read without it where they are plain.
 */
export const READ_COMMANDS: readonly CommandRow[] = [
  {
    name: 'ps',
    argument: '[services...]',
    description: 'list the instances of the project',
    options: [
      { flags: '-a, --all', description: 'also those that do not run' },
      { flags: '--format <format>', description: 'how to print', choices: ['table', 'json'], initial: 'table' },
      { flags: '-q, --quiet', description: 'only ids' },
      { flags: '--services', description: 'only names of services' },
      { flags: '--no-trunc', description: 'everything, also where the terminal is too narrow' },
    ],
    action: async (services, options, context) => {
      const { ps } = await import('./commands/ps.ts');
      return await ps(services, options as unknown as PsOptions, context);
    },
  },
  {
    name: 'logs',
    argument: '[services...]',
    description: 'print what the services printed',
    options: [
      { flags: '-f, --follow', description: 'go on with what comes' },
      {
        flags: '-n, --tail <lines>',
        description: 'at most this many lines of each instance',
        initial: 'all',
        accepts: { pattern: /^(?:all|\d+)$/, expected: 'a number of lines or "all"' },
      },
      { flags: '-t, --timestamps', description: 'print lines with their time' },
      { flags: '--no-log-prefix', description: 'print lines without the name of their service' },
    ],
    action: async (services, options, context, interrupts) => {
      const { logs } = await import('./commands/logs.ts');
      return await logs(services, options as unknown as LogsOptions, context, interrupts);
    },
  },
  {
    name: 'config',
    alias: 'convert',
    argument: '[services...]',
    description: 'print the compose file as it is understood',
    options: [
      { flags: '--format <format>', description: 'how to print', choices: ['yaml', 'json'], initial: 'yaml' },
      { flags: '-q, --quiet', description: 'only check' },
      { flags: '-o, --output <file>', description: 'write to a file' },
      { flags: '--services', description: 'only names of services' },
      { flags: '--volumes', description: 'only names of volumes' },
      { flags: '--networks', description: 'only names of networks' },
      { flags: '--models', description: 'only names of models' },
      { flags: '--images', description: 'only names of images' },
      { flags: '--profiles', description: 'only names of profiles' },
      { flags: '--hash <services>', description: 'only hashes of the services, separated by commas; * for all' },
      { flags: '--variables', description: 'only the variables that the file refers to' },
      { flags: '--environment', description: 'only the variables that are filled in' },
      { flags: '--resolve-image-digests', description: 'images with the digests that their registries have now' },
      { flags: '--lock-image-digests', description: 'only the images with their digests, as an override file' },
      { flags: '--no-interpolate', description: 'do not fill in variables' },
      { flags: '--no-normalize', description: 'do not add what the file implies' },
      { flags: '--no-path-resolution', description: 'do not complete paths' },
      { flags: '--no-consistency', description: 'do not check whether the file is consistent' },
      { flags: '--no-env-resolution', description: 'do not read env files of services' },
    ],
    action: async (services, options, context) => {
      const { config } = await import('./commands/config.ts');
      return await config(services, options as unknown as ConfigOptions, context);
    },
  },
  {
    name: 'why',
    argument: '<service>',
    description: 'show from which file and line each value of a service comes',
    options: [
      { flags: '--format <format>', description: 'how to print', choices: ['table', 'json'], initial: 'table' },
    ],
    action: async ([service = ''], options, context) => {
      const { why } = await import('./commands/why.ts');
      return await why(service, options as unknown as WhyOptions, context);
    },
  },
  {
    name: 'version',
    description: 'print the version',
    options: [
      { flags: '-f, --format <format>', description: 'how to print', choices: ['pretty', 'json'], initial: 'pretty' },
      { flags: '--short', description: 'only the number' },
    ],
    action: async (_names, options, context) => {
      const { version } = await import('./commands/version.ts');
      return version(options as unknown as VersionOptions, context);
    },
  },
];
