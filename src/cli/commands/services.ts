import { pickEngineEnv } from '../../control/engine-env.ts';
import type { ServicesRequest } from '../../control/protocol.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan, planStatus } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

/** `start`, `stop`, `restart`: what exists, in the order of its dependencies. */
export async function changeServices(
  action: ServicesRequest['action'],
  services: readonly string[],
  options: { readonly timeout?: number },
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { client } = await ensureSupervisor(
    await context.projectName(),
    { sameVersion: action !== 'stop' && action !== 'kill' },
    context.signal,
  );
  const timeoutMs = options.timeout === undefined ? undefined : options.timeout * 1000;
  const events = client.stream(
    'POST /v1/services',
    { action, services, timeoutMs, engineEnv: pickEngineEnv(process.env) },
    interrupts.until(context.signal),
  );
  const result = await followPlan(events, context.output);
  return planStatus(result, {
    output: context.output,
    interrupts,
    interrupted: 'This goes on in the background.',
  });
}
