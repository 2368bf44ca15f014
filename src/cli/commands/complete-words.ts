import type { Command } from 'commander';

import { complete } from '../completion/complete.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode, GlobalOptions } from '../context.ts';
import { namesFrom } from '../project.ts';

/** For the scripts of the shells: what the last word may become. Says nothing of what is wrong with the file. */
export async function completeWords(
  program: Command,
  words: readonly string[],
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { candidates, files } = await complete(program, words, async (kind, before) => {
    try {
      return (await namesFrom(globalOptions(program, before), context.signal))[kind];
    } catch {
      // No compose file here, or one with mistakes: there is nothing to offer, and a message would be in the way.
      return [];
    }
  });
  const lines = candidates.map(({ value, description }) => `${value}\t${description}\n`);
  context.output.out(`${lines.join('')}:${files}\n`);
  return EXIT_OK;
}

/** The words before the command, as commander understands them. */
function globalOptions(program: Command, words: readonly string[]): GlobalOptions {
  program.parseOptions([...words]);
  return program.opts<GlobalOptions>();
}
