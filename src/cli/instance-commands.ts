import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

import type { ExecOptions } from './commands/exec.ts';
import type { RunOptions } from './commands/run.ts';
import type { RmOptions } from './commands/rm.ts';
import type { GlobalOptions } from './context.ts';
import { addFileCommands } from './file-commands.ts';
import { collect, number } from './option-values.ts';
import type { RunCommand } from './program.ts';

/** Commands about single instances: what runs in them, and what becomes of them. */
export function addInstanceCommands(program: Command, run: RunCommand, global: () => GlobalOptions): void {
  addExec(program, run, global);
  addRun(program, run, global);
  addFileCommands(program, run, global);
  program
    .command('kill [services...]')
    .description('end what runs by force, or send it a signal')
    .option('-s, --signal <signal>', 'the signal', 'SIGKILL')
    .action(async (services: string[], options: { signal: string }) => {
      const { act } = await import('./commands/act.ts');
      await run(
        global(),
        async (context) => await act({ action: 'signal', services, signal: signalName(options.signal) }, context),
      );
    });
  program
    .command('rm [services...]')
    .description('remove instances that do not run')
    .option('-f, --force', 'do not ask')
    .option('-s, --stop', 'stop those that run first')
    .option('-v, --volumes', 'also remove their volumes that have no name')
    .action(async (services: string[], options: RmOptions) => {
      const { rm } = await import('./commands/rm.ts');
      await run(global(), async (context, interrupts) => await rm(services, options, context, interrupts));
    });
  for (const action of ['pause', 'unpause'] as const) {
    program
      .command(`${action} [services...]`)
      .description(action === 'pause' ? 'freeze containers that run' : 'let paused containers go on')
      .action(async (services: string[]) => {
        const { act } = await import('./commands/act.ts');
        await run(global(), async (context) => await act({ action, services }, context));
      });
  }
}

function addExec(program: Command, run: RunCommand, global: () => GlobalOptions): void {
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

function addRun(program: Command, run: RunCommand, global: () => GlobalOptions): void {
  program
    .command('run <service> [command...]')
    .description('run a command in a new instance of a service')
    .option('--rm', 'remove it when the command has ended')
    .option('-d, --detach', 'leave it running in the background')
    .option('-e, --env <variable>', 'NAME=VALUE, or NAME for its value here; may be given several times', collect)
    .option('-u, --user <user>', 'user that runs it')
    .option('-w, --workdir <path>', 'directory that it runs in')
    .option('-v, --volume <mount>', 'SOURCE:TARGET[:ro]; may be given several times', collect)
    .option('-p, --publish <port>', '[[HOST:]PUBLISHED:]TARGET[/PROTOCOL]; may be given several times', collect)
    .option('-P, --service-ports', 'publish the ports of the service')
    .option('--use-aliases', "let it answer to the service's names")
    .option('-l, --label <label>', 'NAME=VALUE; may be given several times', collect)
    .option('--name <name>', 'name of the container')
    .option('-T, --no-tty', 'give it no terminal, also where there is one')
    .option('-i, --interactive', 'hand over the input (the default)')
    .option('--no-interactive', 'give it no input')
    .option('--entrypoint <command>', 'in the place of its entrypoint')
    .option('--no-deps', 'do not start what the service depends on')
    .option('--build', 'build its image or module first, also where it is there')
    .passThroughOptions()
    .action(async (service: string, command: string[], options: RunOptions) => {
      const { run: runService } = await import('./commands/run.ts');
      await run(
        global(),
        async (context, interrupts) => await runService(service, command, options, context, interrupts),
      );
    });
}

/** `hup`, `SIGHUP` and `1` are all understood by the Engine; a name is shown in full. */
function signalName(text: string): string {
  if (/^\d+$/.test(text)) return text;
  const name = text.toUpperCase();
  if (/^(SIG)?[A-Z][A-Z0-9+-]*$/.test(name)) return name.startsWith('SIG') ? name : `SIG${name}`;
  throw new InvalidArgumentError('the name or the number of a signal is expected.');
}
