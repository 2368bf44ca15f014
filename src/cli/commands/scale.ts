import { pickEngineEnv } from '../../control/engine-env.ts';
import { buildEnvironment } from '../build-environment.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { orphanPolicy } from '../orphans.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { applyScales, readScales } from '../scale.ts';

/** Other numbers of replicas for some services, until the next `up` reads the file again. */
export async function scale(
  entries: readonly string[],
  options: { readonly deps?: boolean },
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const services = [...readScales(entries).keys()];
  const loaded = await context.loadProject(services);
  const project = applyScales(loaded.project, entries);
  const { client } = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const request = {
    project,
    services,
    withDependencies: options.deps !== false,
    recreate: 'changed',
    recreateDependencies: 'changed',
    ...orphanPolicy(false, loaded.variable),
    renewVolumes: false,
    changedVolumes: [],
    build: 'missing',
    buildEnvironment: buildEnvironment(project, process.env),
    start: true,
    wait: false,
    dryRun: false,
    failFast: false,
    endsWithClient: false,
    engineEnv: pickEngineEnv(process.env),
  } as const;
  const events = client.stream('PUT /v1/project', request, interrupts.until(context.signal));
  const result = await followPlan(events, context.output);
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}
