import { pickEngineEnv } from '../../control/engine-env.ts';
import type { ApplyRequest } from '../../control/protocol.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { Project } from '../../model/project.ts';
import { LogLines } from '../../ui/log-lines.ts';
import { AttachedUp } from '../attached-up.ts';
import { buildEnvironment } from '../build-environment.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { checkExitFlags, ExitWatch } from '../exit-watch.ts';
import type { ExitOptions } from '../exit-watch.ts';
import { followPlan, planStatus } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { applyScales } from '../scale.ts';

export interface UpOptions extends ExitOptions {
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
  readonly dryRun?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly noDeps?: boolean;
  readonly noStart?: boolean;
  /** `--build`; false: `--no-build`. */
  readonly build?: boolean;
  readonly removeOrphans?: boolean;
  /** `SERVICE=NUMBER` */
  readonly scale?: readonly string[];
  readonly failFast?: boolean;
  readonly timeout?: number;
  readonly logPrefix?: boolean;
  readonly timestamps?: boolean;
}

export async function up(
  services: readonly string[],
  options: UpOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  checkFlags(options);
  const loaded = await context.loadProject(services);
  const project = applyScales(loaded.project, options.scale ?? []);
  if (Object.keys(project.services).length === 0) {
    throw new WcError('ERR_NO_SUCH_SERVICE', 'no service selected', {
      hint: 'the file has none, or all of them are in profiles that are not enabled (--profile)',
    });
  }
  const attached = !(
    options.detach === true ||
    options.wait === true ||
    options.dryRun === true ||
    options.noStart === true
  );
  checkExitFlags(options, attached, Object.keys(project.services));
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = applyRequest(project, services, options, attached);
  if (attached) {
    const graceMs = options.timeout === undefined ? undefined : options.timeout * 1000;
    const lines = logLines(project, options, context);
    const exits = new ExitWatch(options);
    return await new AttachedUp({ client, request, lines, graceMs, exits }, context).run(interrupts);
  }
  const events = client.stream('PUT /v1/project', request, interrupts.until(context.signal));
  const result = await followPlan(events, context.output, { printPlan: options.dryRun === true });
  if (result.ok && result.nodes === 0 && options.dryRun !== true)
    context.output.err(' Everything is as the file says.\n');
  return planStatus(result, {
    output: context.output,
    interrupts,
    interrupted: 'Interrupted: what runs already goes on; `wcompose stop` stops it.',
  });
}

function logLines(project: Project, options: UpOptions, { output }: CommandContext): LogLines {
  return new LogLines(output, {
    prefix: options.logPrefix !== false,
    timestamps: options.timestamps === true,
    names: Object.values(project.services).map((service) => `${service.name}-${service.replicas}`),
  });
}

function applyRequest(
  project: Project,
  services: readonly string[],
  options: UpOptions,
  attached: boolean,
): ApplyRequest {
  return {
    project,
    services,
    withDependencies: options.noDeps !== true,
    recreate: options.forceRecreate === true ? 'always' : options.noRecreate === true ? 'never' : 'changed',
    removeOrphans: options.removeOrphans === true,
    build: options.build === undefined ? 'missing' : options.build ? 'always' : 'never',
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

function checkFlags(options: UpOptions): void {
  if (options.forceRecreate === true && options.noRecreate === true) {
    throw new WcError('ERR_USAGE', '--force-recreate and --no-recreate are incompatible');
  }
  if (options.waitTimeout !== undefined && options.wait !== true) {
    throw new WcError('ERR_USAGE', '--wait-timeout needs --wait');
  }
}
