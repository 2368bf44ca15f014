import { pickEngineEnv } from '../../control/engine-env.ts';
import type { ServicesRequest } from '../../control/protocol.ts';
import { WcError } from '../../model/diagnostic.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan, planStatus } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

export interface ServicesOptions {
  readonly timeout?: number;
  readonly noDeps?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

/** `start`, `stop`, `restart`: what exists, in the order of its dependencies. */
export async function changeServices(
  action: ServicesRequest['action'],
  services: readonly string[],
  options: ServicesOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { client } = await ensureSupervisor(
    await context.projectName(),
    { sameVersion: action !== 'stop' && action !== 'kill' },
    context.signal,
  );
  if (options.waitTimeout !== undefined && options.wait !== true)
    throw new WcError('ERR_USAGE', '--wait-timeout needs --wait');
  const request = {
    action,
    services,
    timeoutMs: milliseconds(options.timeout),
    withoutDependencies: options.noDeps === true,
    wait: options.wait === true,
    waitTimeoutMs: milliseconds(options.waitTimeout),
    engineEnv: pickEngineEnv(process.env),
  };
  const events = client.stream('POST /v1/services', request, interrupts.until(context.signal));
  const result = await followPlan(events, context.output);
  return planStatus(result, {
    output: context.output,
    interrupts,
    interrupted: 'This goes on in the background.',
  });
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
