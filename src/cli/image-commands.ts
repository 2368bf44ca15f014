import { Option } from 'commander';
import type { Command } from 'commander';

import type { BuildCommandOptions } from './commands/build.ts';
import type { ImagesOptions } from './commands/images.ts';
import type { PullOptions } from './commands/pull.ts';
import type { PushOptions } from './commands/push.ts';
import type { GlobalOptions } from './context.ts';
import { collect } from './option-values.ts';
import type { RunCommand } from './program.ts';

type Global = () => GlobalOptions;

/** Commands about images: they make, get, bring away and list them, and start nothing. */
export function addImageCommands(program: Command, run: RunCommand, global: Global): void {
  addBuild(program, run, global);
  addTransfers(program, run, global);
  program
    .command('images [services...]')
    .description('list what the instances were made of')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .option('-q, --quiet', 'only ids')
    .action(async (services: string[], options: ImagesOptions) => {
      const { images } = await import('./commands/images.ts');
      await run(global(), async (context) => await images(services, options, context));
    });
}

function addBuild(program: Command, run: RunCommand, global: Global): void {
  program
    .command('build [services...]')
    .description('build the images and modules of services')
    .option('--no-cache', 'use nothing that an earlier build made')
    .option('--pull', 'ask the registries for newer base images')
    .option('--push', 'bring the images to their registries')
    .option('--build-arg <name=value>', 'argument of the Dockerfiles; may be given several times', collect)
    .option('--ssh <key>', 'SSH key or agent for RUN --mount=type=ssh; may be given several times', collect)
    .option('--builder <name>', 'builder of docker buildx to use')
    .option('-m, --memory <size>', 'memory that a step may use (not with BuildKit)')
    .option('--with-dependencies', 'also what the services depend on')
    .option('-q, --quiet', 'only errors')
    .option('--print', 'print the builds as a file for docker buildx bake, and build nothing')
    .option('--dry-run', 'show what would be built')
    .action(async (services: string[], options: BuildCommandOptions) => {
      const { build } = await import('./commands/build.ts');
      await run(global(), async (context, interrupts) => await build(services, options, context, interrupts));
    });
}

function addTransfers(program: Command, run: RunCommand, global: Global): void {
  program
    .command('pull [services...]')
    .description('get the images of services from their registries')
    .option('-q, --quiet', 'without progress')
    .option('--ignore-pull-failures', 'go on with what can be pulled, and end well')
    .option('--ignore-buildable', 'leave out images that can be built')
    .option('--include-deps', 'also those of what the services depend on')
    .addOption(
      new Option('--policy <policy>', 'which (default: always, or what the file says)').choices(['missing', 'always']),
    )
    .action(async (services: string[], options: PullOptions) => {
      const { pull } = await import('./commands/pull.ts');
      await run(global(), async (context, interrupts) => await pull(services, options, context, interrupts));
    });
  program
    .command('push [services...]')
    .description('bring the images that are built for services to their registries')
    .option('-q, --quiet', 'without progress')
    .option('--ignore-push-failures', 'go on with what can be pushed, and end well')
    .option('--include-deps', 'also those of what the services depend on')
    .action(async (services: string[], options: PushOptions) => {
      const { push } = await import('./commands/push.ts');
      await run(global(), async (context, interrupts) => await push(services, options, context, interrupts));
    });
}
