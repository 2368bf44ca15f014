import type { InstanceChange } from '../../control/protocol.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import type { Interrupts } from '../interrupt.ts';

/** What happens to the project's instances, as it happens, until it is interrupted. */
export async function events(
  services: readonly string[],
  options: { readonly json?: boolean },
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, context.signal);
  const query = new URLSearchParams(services.map((service): [string, string] => ['service', service]));
  const signal = interrupts.until(context.signal);
  for await (const change of client.stream('GET /v1/changes', undefined, signal, `?${query.toString()}`))
    context.output.out(`${options.json === true ? JSON.stringify(changeJson(change)) : changeText(change)}\n`);
  return interrupts.count > 0 ? EXIT_INTERRUPTED : EXIT_OK;
}

/** docker compose's keys. */
export function changeJson(change: InstanceChange): Readonly<Record<string, unknown>> {
  const { at, type, action, id, service, attributes } = change;
  return { time: new Date(at).toISOString(), type, action, id, service, attributes };
}

export function changeText({ at, type, action, id, attributes }: InstanceChange): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} ${type} ${action} ${id} (${pairs.join(', ')})`;
}
