import { pickEngineEnv } from '../../control/engine-env.ts';
import { withoutProgress } from '../../ui/quiet-events.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

export interface PullOptions {
  readonly quiet?: boolean;
  readonly ignorePullFailures?: boolean;
  readonly includeDeps?: boolean;
  readonly ignoreBuildable?: boolean;
  readonly policy?: 'missing' | 'always';
}

/** Gets the images of services from their registries. */
export async function pull(
  services: readonly string[],
  options: PullOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const { project } = await context.loadProject(services);
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = {
    project,
    services,
    withDependencies: options.includeDeps === true,
    policy: options.policy,
    ignoreBuildable: options.ignoreBuildable === true,
    ignoreFailures: options.ignorePullFailures === true,
    engineEnv: pickEngineEnv(process.env),
  };
  const events = client.stream('POST /v1/pull', request, interrupts.until(context.signal));
  const result = await followPlan(options.quiet === true ? withoutProgress(events) : events, output);
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
