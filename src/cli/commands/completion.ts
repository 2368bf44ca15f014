import { readFile } from 'node:fs/promises';

import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { packageFile } from '../package-file.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * The script that a shell loads. Each of them asks `wcompose __complete -- WORDS`, whose lines are candidates, a tab
 * and what they are; the last line says whether files are asked for too: `:none`, `:files`, `:directories`.
 */
export async function completion(shell: Shell, context: CommandContext): Promise<ExitStatusCode> {
  const script = packageFile(`completions/wcompose.${shell}`);
  context.output.out(await readFile(script, { encoding: 'utf8', signal: context.signal }));
  return EXIT_OK;
}
