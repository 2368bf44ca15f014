import { Argument, Option } from 'commander';
import type { Command } from 'commander';

import type { Shell } from './commands/completion.ts';
import type { GraphOptions } from './commands/graph.ts';
import type { GlobalOptions } from './context.ts';
import type { RunCommand } from './program.ts';

/** Commands about the file as a whole, and about this program itself. */
export function addProgramCommands(program: Command, run: RunCommand, global: () => GlobalOptions): void {
  program
    .command('graph [services...]')
    .description('show the services, what they depend on, their networks and volumes, and what runs')
    .addOption(
      new Option('--format <format>', 'how to print').choices(['text', 'mermaid', 'dot', 'json']).default('text'),
    )
    .action(async (services: string[], options: GraphOptions) => {
      const { graph } = await import('./commands/graph.ts');
      await run(global(), async (context) => await graph(services, options, context));
    });
  program
    .command('completion')
    .description('print a script that completes commands, options, services and profiles in a shell')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell) => {
      const { completion } = await import('./commands/completion.ts');
      await run(global(), async (context) => await completion(shell, context));
    });
  program
    .command('__complete [words...]', { hidden: true })
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { completeWords } = await import('./commands/complete-words.ts');
      await run(global(), async (context) => await completeWords(program, words, context));
    });
}
