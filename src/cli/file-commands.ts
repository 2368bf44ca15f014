import { Option } from 'commander';
import type { Command } from 'commander';

import type { AttachOptions } from './commands/attach.ts';
import type { CpOptions } from './commands/cp.ts';
import type { ExportOptions } from './commands/export.ts';
import type { GlobalOptions } from './context.ts';
import { number } from './option-values.ts';
import type { RunCommand } from './program.ts';

type Global = () => GlobalOptions;

/** What goes into an instance that is there, and comes out of it. */
export function addFileCommands(program: Command, run: RunCommand, global: Global): void {
  program
    .command('attach <service>')
    .description('show what an instance that runs prints, and hand over the input')
    .option('--detach-keys <keys>', 'keys that leave a container with a terminal')
    .option('--index <number>', 'which instance, where the service has several', number)
    .option('--no-stdin', 'hand over no input')
    .addOption(
      new Option('--sig-proxy [yes]', 'hand over signals').choices(['true', 'false']).default('true').preset('true'),
    )
    .action(async (service: string, options: AttachOptions) => {
      const { attach } = await import('./commands/attach.ts');
      await run(global(), async (context, interrupts) => await attach(service, options, context, interrupts));
    });
  program
    .command('cp <source> <destination>')
    .description('copy between an instance and this machine; one of the two is SERVICE:PATH, - is an archive')
    .option('-a, --archive', 'keep owners')
    .option('-L, --follow-link', 'copy what a link stands for')
    .option('--index <number>', 'which instance, where the service has several', number)
    .option('--all', 'also containers of run')
    .action(async (source: string, destination: string, options: CpOptions) => {
      const { cp } = await import('./commands/cp.ts');
      await run(global(), async (context) => await cp(source, destination, options, context));
    });
  program
    .command('export <service>')
    .description('write all files of a container as an archive')
    .option('--index <number>', 'which instance, where the service has several', number)
    .option('-o, --output <file>', 'to this file, and not to stdout')
    .action(async (service: string, options: ExportOptions) => {
      const { exportFiles } = await import('./commands/export.ts');
      await run(global(), async (context) => await exportFiles(service, options, context));
    });
}
