import { formatTable } from '../../ui/table.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

/** The processes of each instance that runs. */
export async function top(services: readonly string[], context: CommandContext): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, signal);
  for (const { name, titles, processes } of await client.call('POST /v1/top', { services }, signal))
    output.out(`${name}\n${formatTable(titles, processes)}\n`);
  return EXIT_OK;
}
