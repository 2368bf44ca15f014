import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';

import { WcError } from '../model/diagnostic.ts';
import type { ExitOptions } from './exit-watch.ts';

/** What `up` and `create` are told. */
export interface UpOptions extends ExitOptions {
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
  readonly dryRun?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly alwaysRecreateDeps?: boolean;
  readonly renewAnonVolumes?: boolean;
  readonly noDeps?: boolean;
  readonly noStart?: boolean;
  readonly build?: boolean;
  readonly noBuild?: boolean;
  readonly pull?: PullFlag;
  readonly quietPull?: boolean;
  readonly removeOrphans?: boolean;
  /** `SERVICE=NUMBER` */
  readonly scale?: readonly string[];
  /** Services whose logs are followed, and no others. */
  readonly attach?: readonly string[];
  readonly noAttach?: readonly string[];
  readonly attachDependencies?: boolean;
  readonly failFast?: boolean;
  readonly timeout?: number;
  readonly noLogPrefix?: boolean;
  readonly noColor?: boolean;
  readonly timestamps?: boolean;
  readonly yes?: boolean;
}

export type PullFlag = 'always' | 'missing' | 'never' | 'policy';

/** Flags of `up` and `create` about what is made, and how. */
export function addCreateFlags(command: Command): Command {
  return command
    .option('--build', 'build images and modules first, also those that are there')
    .addOption(no('--no-build', 'build nothing, also where an image or a module is missing'))
    .addOption(
      new Option('--pull <policy>', 'which images are pulled: always, missing, never, or as the file says (policy)')
        .choices(['always', 'missing', 'never', 'policy'])
        .default('policy', 'policy'),
    )
    .option('--quiet-pull', 'pull without progress')
    .option('--force-recreate', 'create every instance anew')
    .addOption(no('--no-recreate', 'leave what exists as it is, also when its configuration changed'))
    .option('--remove-orphans', 'remove instances of services the file no longer has')
    .option('--scale <service=number>', 'number of its replicas; may be given several times', collect)
    .option('-y, --yes', 'make volumes anew without asking when their configuration changed: their data is lost');
}

/** The other flags of `up`. */
export function addUpFlags(command: Command): Command {
  return command
    .option('-d, --detach', 'leave it running in the background')
    .option('--wait', 'wait until every service runs and is healthy; implies --detach')
    .option('--wait-timeout <seconds>', 'longest time to wait', seconds)
    .option('--dry-run', 'show the plan and change nothing')
    .option('--always-recreate-deps', 'create also what the named services depend on anew')
    .option('-V, --renew-anon-volumes', 'give what is created anew new unnamed volumes instead of its old ones')
    .addOption(no('--no-deps', 'leave out what the named services depend on'))
    .addOption(no('--no-start', 'create only'))
    .option('--abort-on-container-exit', 'stop everything when the first instance has ended')
    .option('--abort-on-container-failure', 'stop everything when one has failed, and end with its status')
    .option('--exit-code-from <service>', 'end with the status of this service; implies --abort-on-container-exit')
    .option('--attach <service>', 'follow the logs of this service only; may be given several times', collect)
    .addOption(no('--no-attach <service>', 'do not follow the logs of this service; may be given several times'))
    .option('--attach-dependencies', 'follow also the logs of what the named services depend on')
    .option('--fail-fast', 'end everything at the first failure')
    .option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds)
    .addOption(no('--no-log-prefix', 'print log lines without the name of their service'))
    .addOption(no('--no-color', 'print without colours'))
    .option('--timestamps', 'print log lines with their time')
    .addOption(new Option('--menu [on]', 'accepted for docker compose; there is no menu').hideHelp());
}

/** `--no-x` as a flag of its own: commander would let it and `--x` take each other's place without a word. */
function no(flags: string, description: string): Option {
  const option = new Option(flags, description);
  option.negate = false;
  option.attributeName = () => option.name().replaceAll(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return flags.includes('<') ? option.argParser(collect) : option;
}

/** Throws ERR_USAGE for flags that contradict each other, in the words of docker compose. */
export function checkUpFlags(options: UpOptions): void {
  for (const [a, b] of EXCLUSIVE) {
    if (isSet(options, a) && isSet(options, b)) throw usage(`${flag(a)} and ${flag(b)} are incompatible`);
  }
  if (isSet(options, 'attach') && isSet(options, 'attachDependencies'))
    throw usage('cannot combine --attach and --attach-dependencies');
  const attaching = FOLLOWING.filter((name) => isSet(options, name));
  if (attaching.length > 0) {
    const background = BACKGROUND.find((name) => isSet(options, name));
    const list = FOLLOWING.map(flag)
      .join(', ')
      .replace(/, (?=[^,]*$)/, ' or ');
    if (background !== undefined) throw usage(`${flag(background)} cannot be combined with ${list}`);
  }
  if (options.waitTimeout !== undefined && options.wait !== true) throw usage('--wait-timeout needs --wait');
}

type Flag = keyof UpOptions;

const EXCLUSIVE: readonly (readonly [Flag, Flag])[] = [
  ['build', 'noBuild'],
  ['renewAnonVolumes', 'noRecreate'],
  ['forceRecreate', 'noRecreate'],
  ['alwaysRecreateDeps', 'noRecreate'],
  ['abortOnContainerExit', 'abortOnContainerFailure'],
  ['exitCodeFrom', 'abortOnContainerFailure'],
];

/** They mean something only to somebody who watches. */
const FOLLOWING: readonly Flag[] = [
  'abortOnContainerExit',
  'abortOnContainerFailure',
  'exitCodeFrom',
  'attach',
  'attachDependencies',
];

const BACKGROUND: readonly Flag[] = ['wait', 'detach', 'noStart', 'dryRun'];

function isSet(options: UpOptions, name: Flag): boolean {
  const value = options[name];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

/** `noRecreate` -> `--no-recreate` */
function flag(name: Flag): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function usage(message: string): WcError {
  return new WcError('ERR_USAGE', message);
}

export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

export function seconds(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0 && value.trim() !== '') return number;
  throw new InvalidArgumentError('a number of seconds is expected.');
}
