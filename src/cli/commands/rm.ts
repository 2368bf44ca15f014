import { pickEngineEnv } from '../../control/engine-env.ts';
import { isUp } from '../../model/state.ts';
import { WcError } from '../../model/diagnostic.ts';
import { confirm } from '../confirm.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

export interface RmOptions {
  readonly force?: boolean;
  readonly stop?: boolean;
  readonly volumes?: boolean;
}

/** Removes instances that do not run; with --stop the others are stopped first. */
export async function rm(
  services: readonly string[],
  options: RmOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const signal = interrupts.until(context.signal);
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, signal);
  const engineEnv = pickEngineEnv(process.env);
  if (options.stop === true) {
    const stopped = await followPlan(
      client.stream('POST /v1/services', { action: 'stop', services, engineEnv }, signal),
      output,
    );
    if (interrupts.count > 0) return EXIT_INTERRUPTED;
    if (!stopped.ok) return EXIT_FAILED;
  }
  const { instances: all } = await client.call('GET /v1/instances', undefined, signal);
  const unknown = services.find((name) => !all.some((instance) => instance.service === name));
  if (unknown !== undefined) {
    // Known to the file, perhaps, but there is nothing of it; anything else is a slip.
    const { project } = await context.loadProject([]);
    if (project.services[unknown] === undefined && project.otherServices?.includes(unknown) !== true)
      throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${unknown}`);
  }
  const going = all.filter(
    (instance) => !isUp(instance) && (services.length === 0 || services.includes(instance.service)),
  );
  if (going.length === 0) {
    output.err('No stopped instances.\n');
    return EXIT_OK;
  }
  if (options.force !== true) {
    output.err(`Going to remove ${going.map((instance) => instance.name).join(', ')}\n`);
    if (!(await confirm('Are you sure?', output, signal))) return interrupts.count > 0 ? EXIT_INTERRUPTED : EXIT_OK;
  }
  // What was named and has nothing would be unknown to the supervisor.
  const names = services.filter((name) => going.some((instance) => instance.service === name));
  const request = { action: 'remove', services: names, volumes: options.volumes === true, engineEnv } as const;
  const result = await followPlan(client.stream('POST /v1/services', request, signal), output);
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
