import { Option } from 'commander';
import type { Command } from 'commander';

import type { InspectModuleOptions } from './commands/inspect-module.ts';
import type { LsOptions } from './commands/ls.ts';
import type { PortOptions } from './commands/port.ts';
import type { StatsOptions } from './commands/stats.ts';
import type { GlobalOptions } from './context.ts';
import { number } from './option-values.ts';
import type { RunCommand } from './program.ts';

type Global = () => GlobalOptions;

/** Commands about numbers of replicas, and what is asked of a project that runs. */
export function addMoreCommands(program: Command, run: RunCommand, global: Global): void {
  addScale(program, run, global);
  addQuestions(program, run, global);
}

function addScale(program: Command, run: RunCommand, global: Global): void {
  program
    .command('scale <service=number...>')
    .description('change the number of replicas of services')
    .option('--no-deps', 'do not start what the services depend on')
    .action(async (entries: string[], options: { deps?: boolean }) => {
      const { scale } = await import('./commands/scale.ts');
      await run(global(), async (context, interrupts) => await scale(entries, options, context, interrupts));
    });
}

function addQuestions(program: Command, run: RunCommand, global: Global): void {
  program
    .command('port')
    .description('print where a port of a service is reached on this host')
    .argument('<service>')
    .argument('<private-port>', 'the port of the service', number)
    .addOption(new Option('--protocol <protocol>', 'which').choices(['tcp', 'udp']).default('tcp'))
    .option('--index <number>', 'which instance, where the service has several', number)
    .action(async (service: string, target: number, options: PortOptions) => {
      const { port } = await import('./commands/port.ts');
      await run(global(), async (context) => await port(service, target, options, context));
    });
  program
    .command('inspect-module')
    .description('tell what a Wasm file is: its imports and exports, what it gets here and what is missing')
    .argument('<file|service|image>', 'a file, a Wasm service of the project, or an image of the Engine')
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action(async (what: string, options: InspectModuleOptions) => {
      const { inspectModule } = await import('./commands/inspect-module.ts');
      await run(global(), async (context) => await inspectModule(what, options, context));
    });
  program
    .command('ls')
    .description('list all projects that run')
    .option('-a, --all', 'also those of which nothing runs')
    .option('-q, --quiet', 'only names')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action(async (options: LsOptions) => {
      const { ls } = await import('./commands/ls.ts');
      await run(global(), async (context) => await ls(options, context));
    });
  program
    .command('events [services...]')
    .description('print what happens to instances, as it happens')
    .option('--json', 'one JSON object per line')
    .action(async (services: string[], options: { json?: boolean }) => {
      const { events } = await import('./commands/events.ts');
      await run(global(), async (context, interrupts) => await events(services, options, context, interrupts));
    });
  program
    .command('top [services...]')
    .description('list the processes of instances that run')
    .action(async (services: string[]) => {
      const { top } = await import('./commands/top.ts');
      await run(global(), async (context) => await top(services, context));
    });
  program
    .command('stats [services...]')
    .description('show what instances use, again each second')
    .option('-a, --all', 'also those that do not run')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .option('--no-stream', 'only once')
    .option('--no-trunc', 'ids in full')
    .action(async (services: string[], options: StatsOptions) => {
      const { stats } = await import('./commands/stats.ts');
      await run(global(), async (context, interrupts) => await stats(services, options, context, interrupts));
    });
  program
    .command('wait <services...>')
    .description('wait until an instance of the services has ended, and end with its status')
    .option('--down-project', 'remove the project then')
    .action(async (services: string[], options: { downProject?: boolean }) => {
      const { wait } = await import('./commands/wait.ts');
      await run(global(), async (context, interrupts) => await wait(services, options, context, interrupts));
    });
}
