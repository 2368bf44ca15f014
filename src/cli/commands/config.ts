import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface ConfigOptions {
  readonly format: 'yaml' | 'json';
  readonly quiet?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
}

/** The compose file as it is understood: variables filled in, short forms written out, defaults shown. */
export async function config(
  services: readonly string[],
  options: ConfigOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { project, model } = await context.loadProject(services);
  if (options.quiet === true) return EXIT_OK;
  if (options.services === true) context.output.out(names(Object.keys(project.services)));
  else if (options.volumes === true) context.output.out(names(Object.keys(project.volumes)));
  else {
    const { formatConfig } = await import('../../compose/print-config.ts');
    context.output.out(formatConfig(model, { format: options.format }));
  }
  return EXIT_OK;
}

function names(list: readonly string[]): string {
  return list.map((name) => `${name}\n`).join('');
}
