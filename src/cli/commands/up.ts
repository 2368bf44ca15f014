import { pickEngineEnv } from '../../control/engine-env.ts';
import type { LoadedProject } from '../../compose/load.ts';
import type { ApplyRequest, SupervisorEvent } from '../../control/protocol.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { Project } from '../../model/project.ts';
import { LogLines } from '../../ui/log-lines.ts';
import { withoutColors } from '../../ui/output.ts';
import { AttachedUp } from '../attached-up.ts';
import { attachedServices } from '../attached-services.ts';
import { buildEnvironment } from '../build-environment.ts';
import { confirmVolumes } from '../confirm-volumes.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { checkExitFrom, ExitWatch } from '../exit-watch.ts';
import { followPlan, planStatus } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { orphanPolicy } from '../orphans.ts';
import { withPullPolicy } from '../pull-policy.ts';
import { applyScales } from '../scale.ts';
import { checkUpFlags } from '../up-flags.ts';
import type { UpOptions } from '../up-flags.ts';

/** Makes the project what the file says, and stays to follow it unless it is told not to. */
export async function up(
  services: readonly string[],
  options: UpOptions,
  given: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  checkUpFlags(options);
  const context = options.noColor === true ? { ...given, output: withoutColors(given.output) } : given;
  const { project, variable } = await loadProject(services, options, context);
  const attached = ![options.detach, options.wait, options.dryRun, options.noStart].includes(true);
  checkExitFrom(options, Object.keys(project.services));
  const attachTo = attachedServices(project, services, options);
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = {
    ...applyRequest(project, services, options, attached),
    ...orphanPolicy(options.removeOrphans === true, variable),
  };
  const apply = (signal: AbortSignal): AsyncIterable<SupervisorEvent> =>
    pullQuietly(options, confirmVolumes(client, request, context, signal));
  if (attached) {
    const lines = logLines(project, options, context);
    const exits = new ExitWatch(options);
    return await new AttachedUp({ client, request, apply, attachTo, lines, exits }, context).run(interrupts);
  }
  const events = apply(interrupts.until(context.signal));
  const result = await followPlan(events, context.output, { printPlan: options.dryRun === true });
  if (result.ok && result.nodes === 0 && options.dryRun !== true)
    context.output.err(' Everything is as the file says.\n');
  return planStatus(result, {
    output: context.output,
    interrupts,
    interrupted: 'Interrupted: what runs already goes on; `wcompose stop` stops it.',
  });
}

async function loadProject(
  services: readonly string[],
  options: UpOptions,
  context: CommandContext,
): Promise<Pick<LoadedProject, 'project' | 'variable'>> {
  const loaded = await context.loadProject(services);
  const project = withPullPolicy(applyScales(loaded.project, options.scale ?? []), options.pull);
  if (Object.keys(project.services).length > 0) return { ...loaded, project };
  throw new WcError('ERR_NO_SUCH_SERVICE', 'no service selected', {
    hint: 'the file has none, or all of them are in profiles that are not enabled (--profile)',
  });
}

function logLines(project: Project, options: UpOptions, { output }: CommandContext): LogLines {
  return new LogLines(output, {
    prefix: options.noLogPrefix !== true,
    timestamps: options.timestamps === true,
    names: Object.values(project.services).map((service) => `${service.name}-${service.replicas}`),
  });
}

function applyRequest(
  project: Project,
  services: readonly string[],
  options: UpOptions,
  attached: boolean,
): Omit<ApplyRequest, 'removeOrphans' | 'ignoreOrphans'> {
  const unlessNamed = options.noRecreate === true ? 'never' : 'changed';
  return {
    project,
    services,
    withDependencies: options.noDeps !== true,
    recreate: options.forceRecreate === true ? 'always' : unlessNamed,
    recreateDependencies: options.alwaysRecreateDeps === true ? 'always' : unlessNamed,
    renewVolumes: options.renewAnonVolumes === true,
    changedVolumes: options.yes === true ? 'all' : 'ask',
    timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
    build: options.noBuild === true ? 'never' : options.build === true ? 'always' : 'missing',
    buildEnvironment: buildEnvironment(project, process.env),
    start: options.noStart !== true,
    wait: options.wait === true,
    waitTimeoutMs: options.waitTimeout === undefined ? undefined : options.waitTimeout * 1000,
    dryRun: options.dryRun === true,
    failFast: options.failFast === true,
    // Attached, Ctrl-C is a stop that is asked for, and a terminal that is closed leaves the project running.
    endsWithClient: !attached,
    engineEnv: pickEngineEnv(process.env),
  };
}

async function* pullQuietly(
  options: UpOptions,
  events: AsyncIterable<SupervisorEvent>,
): AsyncGenerator<SupervisorEvent> {
  for await (const event of events) {
    const isProgress = event.type === 'node' && event.outcome === 'progress' && event.node.op === 'artifact.prepare';
    if (options.quietPull !== true || !isProgress) yield event;
  }
}
