import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

import type { ExecOptions } from './commands/exec.ts';
import type { GlobalOptions } from './context.ts';
import type { RunCommand } from './program.ts';

/** Commands about single instances: what runs in them, and what becomes of them. */
export function addInstanceCommands(program: Command, run: RunCommand, global: () => GlobalOptions): void {
  program
    .command('exec <service> <command...>')
    .description('run a command in a container of a service that runs')
    .option('-d, --detach', 'leave it running in the background')
    .option('-T, --no-tty', 'give it no terminal, also where there is one')
    .option('-e, --env <variable>', 'NAME=VALUE, or NAME for its value here; may be given several times', collect)
    .option('-u, --user <user>', 'user that runs it')
    .option('-w, --workdir <path>', 'directory that it runs in')
    .option('--index <number>', 'which instance, where the service has several', number)
    .option('--privileged', 'with all rights')
    .passThroughOptions()
    .action(async (service: string, command: string[], options: ExecOptions) => {
      const { exec } = await import('./commands/exec.ts');
      await run(global(), async (context, interrupts) => await exec(service, command, options, context, interrupts));
    });
}

export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

export function number(value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new InvalidArgumentError('a number is expected.');
}
