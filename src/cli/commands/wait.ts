import { ensureSupervisor } from '../connect.ts';
import { EXIT_INTERRUPTED } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import type { Interrupts } from '../interrupt.ts';
import { down } from './down.ts';

/** Waits until an instance of the services has ended; its exit status is ours. */
export async function wait(
  services: readonly string[],
  options: { readonly downProject?: boolean },
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, context.signal);
  const signal = interrupts.until(context.signal);
  let ended: { readonly name: string; readonly code: number };
  try {
    ended = await client.call('POST /v1/wait', { services }, signal);
  } catch (error) {
    if (interrupts.count > 0) return EXIT_INTERRUPTED;
    throw error;
  }
  output.out(`${ended.name} exited with code ${ended.code}\n`);
  if (options.downProject === true) await down([], {}, context, interrupts);
  return ended.code;
}
