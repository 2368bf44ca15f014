import { pickEngineEnv } from '../../control/engine-env.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { BuildOptions } from '../../model/image-build.ts';
import { bakeFile } from '../../ui/bake-file.ts';
import { withoutProgress } from '../../ui/quiet-events.ts';
import { buildEnvironment } from '../build-environment.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';

export interface BuildCommandOptions {
  /** False: `--no-cache`. */
  readonly cache?: boolean;
  readonly pull?: boolean;
  readonly push?: boolean;
  readonly buildArg?: readonly string[];
  readonly ssh?: readonly string[];
  readonly builder?: string;
  readonly memory?: string;
  readonly withDependencies?: boolean;
  readonly quiet?: boolean;
  readonly print?: boolean;
  readonly dryRun?: boolean;
}

/** Builds images and modules of services, and starts nothing. */
export async function build(
  services: readonly string[],
  options: BuildCommandOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const { project } = await context.loadProject(services);
  const given = buildOptions(options);
  if (options.print === true) {
    output.out(`${JSON.stringify(bakeFile(project, services, given), undefined, 2)}\n`);
    return EXIT_OK;
  }
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = {
    project,
    services,
    withDependencies: options.withDependencies === true,
    options: given,
    environment: buildEnvironment(project, process.env, options.ssh),
    push: options.push === true,
    dryRun: options.dryRun === true,
    engineEnv: pickEngineEnv(process.env),
  };
  const events = client.stream('POST /v1/build', request, interrupts.until(context.signal));
  const shown = options.quiet === true ? withoutProgress(events) : events;
  const result = await followPlan(shown, output, { printPlan: options.dryRun === true, printOutput: true });
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}

function buildOptions(options: BuildCommandOptions): BuildOptions {
  return {
    noCache: options.cache === false,
    pull: options.pull === true,
    args: Object.fromEntries((options.buildArg ?? []).map(readArgument)),
    ssh: Object.fromEntries((options.ssh ?? []).map((text) => pairOf(text, null))),
    builder: options.builder,
    memoryBytes: options.memory === undefined ? undefined : readBytes(options.memory),
  };
}

/** `NAME=value`, or `NAME` for its value here. */
function readArgument(text: string): readonly [string, string | null] {
  const name = text.split('=', 1)[0] ?? '';
  if (name === '') throw new WcError('ERR_USAGE', `--build-arg ${text}: a name is expected`, { hint: 'NAME=value' });
  return pairOf(text, process.env[name] ?? null);
}

function pairOf(text: string, otherwise: string | null): readonly [string, string | null] {
  const at = text.indexOf('=');
  return at < 0 ? [text, otherwise] : [text.slice(0, at), text.slice(at + 1)];
}

function readBytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?)([bkmg]?)b?$/i.exec(text.trim());
  if (found === null) throw new WcError('ERR_USAGE', `--memory ${text} is no size`, { hint: 'write it as 512m or 2g' });
  return Math.trunc(Number(found[1]) * 1024 ** 'bkmg'.indexOf((found[2] ?? '').toLowerCase() || 'b'));
}
