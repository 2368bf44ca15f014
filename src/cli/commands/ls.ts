import type { ListedProject } from '../../control/protocol.ts';
import { formatTable } from '../../ui/table.ts';
import { listOnce } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface LsOptions {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly format: 'table' | 'json';
}

/** Every project of this user and this Engine, whatever the compose file here says. */
export async function ls(options: LsOptions, context: CommandContext): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const found = await listOnce(signal);
  const shown = found.filter((project) => options.all === true || isUp(project));
  if (options.quiet === true) output.out(shown.map(({ name }) => `${name}\n`).join(''));
  else if (options.format === 'json') output.out(`${JSON.stringify(shown.map(toJson))}\n`);
  else output.out(formatTable(['NAME', 'STATUS', 'CONFIG FILES'], shown.map(toCells)));
  return EXIT_OK;
}

function isUp({ states }: ListedProject): boolean {
  return ['running', 'paused', 'restarting', 'stopping'].some((state) => (states[state] ?? 0) > 0);
}

function toJson(project: ListedProject): Readonly<Record<string, unknown>> {
  const [Name, Status, ConfigFiles] = toCells(project);
  return { Name, Status, ConfigFiles };
}

function toCells({ name, states, files }: ListedProject): readonly string[] {
  const counts = Object.entries(states).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [name, counts.map(([state, count]) => `${state}(${count})`).join(', '), files.join(',')];
}
