import type { Command } from 'commander';

import type { DownOptions } from './commands/down.ts';
import type { ServicesOptions } from './commands/services.ts';
import type { GlobalOptions } from './context.ts';
import type { RunCommand } from './program.ts';
import { addCreateFlags, addUpFlags, seconds } from './up-flags.ts';
import type { UpOptions } from './up-flags.ts';

type Global = () => GlobalOptions;

/** Commands that bring a project up, take it down, and change what is between. */
export function addProjectCommands(program: Command, run: RunCommand, global: Global): void {
  addUp(program, run, global);
  addDown(program, run, global);
  addServiceCommands(program, run, global);
}

function addUp(program: Command, run: RunCommand, global: Global): void {
  const command = program
    .command('up [services...]')
    .description('create and start what is missing or changed, and follow the logs');
  addUpFlags(addCreateFlags(command)).action(async (services: string[], options: UpOptions) => {
    const { up } = await import('./commands/up.ts');
    await run(global(), async (context, interrupts) => await up(services, options, context, interrupts));
  });
  const create = program
    .command('create [services...]')
    .description('create what is missing or changed, and start nothing');
  addCreateFlags(create).action(async (services: string[], options: UpOptions) => {
    const { up } = await import('./commands/up.ts');
    const given = { ...options, noStart: true };
    await run(global(), async (context, interrupts) => await up(services, given, context, interrupts));
  });
}

function addDown(program: Command, run: RunCommand, global: Global): void {
  program
    .command('down [services...]')
    .description('stop and remove the instances and networks of the project')
    .option('-v, --volumes', 'also remove its named volumes')
    .option('--remove-orphans', 'also remove instances of services the file no longer has')
    .option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds)
    .option('--dry-run', 'show the plan and change nothing')
    .action(async (services: string[], options: DownOptions) => {
      const { down } = await import('./commands/down.ts');
      await run(global(), async (context, interrupts) => await down(services, options, context, interrupts));
    });
}

const SERVICE_COMMANDS = [
  ['start', 'start instances that exist and do not run, after what they depend on'],
  ['stop', 'stop instances and keep them'],
  ['restart', 'stop and start instances that exist'],
] as const;

function addServiceCommands(program: Command, run: RunCommand, global: Global): void {
  for (const [action, description] of SERVICE_COMMANDS) {
    const command = program.command(`${action} [services...]`).description(description);
    if (action !== 'start') command.option('-t, --timeout <seconds>', 'longest time for a graceful stop', seconds);
    if (action === 'start') {
      command
        .option('--wait', 'wait until every service runs and is healthy')
        .option('--wait-timeout <seconds>', 'longest time to wait', seconds);
    }
    if (action === 'restart') command.option('--no-deps', 'leave those alone that are to be restarted with them');
    command.action(async (services: string[], options: ServicesOptions & { readonly deps?: boolean }) => {
      const { changeServices } = await import('./commands/services.ts');
      const given = { ...options, noDeps: options.deps === false };
      await run(
        global(),
        async (context, interrupts) => await changeServices(action, services, given, context, interrupts),
      );
    });
  }
}
