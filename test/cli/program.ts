import type { Command } from 'commander';

import { createProgram } from '../../src/cli/program.ts';

/** The command line as it is, of which no command is run. */
export function programOnly(): Command {
  return createProgram(async () => await Promise.resolve(), '0.0.0');
}
