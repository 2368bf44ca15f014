import { readVersion } from '../../control/version.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface VersionOptions {
  readonly format: 'pretty' | 'json';
  readonly short?: boolean;
}

export function version(options: VersionOptions, { output }: CommandContext): ExitStatusCode {
  const number = readVersion();
  if (options.short === true) output.out(`${number}\n`);
  else if (options.format === 'json')
    output.out(`${JSON.stringify({ version: `v${number}`, node: process.version })}\n`);
  else output.out(`wcompose version v${number} (Node ${process.version})\n`);
  return EXIT_OK;
}
