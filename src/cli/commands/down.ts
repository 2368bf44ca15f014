import { pickEngineEnv } from '../../control/engine-env.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { Project } from '../../model/project.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan, planStatus } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { orphanPolicy } from '../orphans.ts';

export interface DownOptions {
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly timeout?: number;
  readonly dryRun?: boolean;
}

export async function down(
  services: readonly string[],
  options: DownOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { name, project, variable } = await identify(context);
  const { client } = await ensureSupervisor(name, { sameVersion: false }, context.signal);
  const request = {
    project,
    services,
    removeVolumes: options.volumes === true,
    removeOrphans: orphanPolicy(options.removeOrphans === true, variable).removeOrphans,
    timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
    dryRun: options.dryRun === true,
    engineEnv: pickEngineEnv(process.env),
  };
  const events = client.stream('DELETE /v1/project', request, interrupts.until(context.signal));
  const result = await followPlan(events, context.output, { printPlan: options.dryRun === true });
  return planStatus(result, {
    output: context.output,
    interrupts,
    interrupted: 'This goes on in the background.',
  });
}

interface Identity {
  readonly name: ProjectName;
  readonly project?: Project;
  readonly variable: (name: string) => string | undefined;
}

/** `down` also works where no compose file is: then the project is what its name and labels say. */
async function identify(context: CommandContext): Promise<Identity> {
  try {
    const { project, variable } = await context.loadProject([]);
    return { name: project.name, project, variable };
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_COMPOSE_NOT_FOUND') throw error;
    return { name: await context.projectName(), variable: (name) => process.env[name] };
  }
}
