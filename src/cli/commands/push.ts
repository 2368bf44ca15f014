import { pickEngineEnv } from '../../control/engine-env.ts';
import { withoutProgress } from '../../ui/quiet-events.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

export interface PushOptions {
  readonly quiet?: boolean;
  readonly ignorePushFailures?: boolean;
  readonly includeDeps?: boolean;
}

/** Brings the images that are built for services to their registries. */
export async function push(
  services: readonly string[],
  options: PushOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { project } = await context.loadProject(services);
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = {
    project,
    services,
    withDependencies: options.includeDeps === true,
    ignoreFailures: options.ignorePushFailures === true,
    engineEnv: pickEngineEnv(process.env),
  };
  const events = client.stream('POST /v1/push', request, interrupts.until(context.signal));
  const result = await followPlan(options.quiet === true ? withoutProgress(events) : events, context.output);
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
