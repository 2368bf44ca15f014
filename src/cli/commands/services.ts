import type { ServicesRequest } from '../../control/protocol.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { interruptible } from './down.ts';

/** `start`, `stop`, `restart`: what exists, in the order of its dependencies. */
export async function changeServices(
  action: ServicesRequest['action'],
  services: readonly string[],
  options: { readonly timeout?: number },
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { client } = await ensureSupervisor(await context.projectName(), context.signal);
  const timeoutMs = options.timeout === undefined ? undefined : options.timeout * 1000;
  const events = client.stream(
    'POST /v1/services',
    { action, services, timeoutMs },
    interruptible(context, interrupts),
  );
  const result = await followPlan(events, context.output);
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
