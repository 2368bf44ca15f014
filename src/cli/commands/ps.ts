import { isUp } from '../../model/state.ts';
import type { ObservedInstance } from '../../model/state.ts';
import { fittedTable } from '../../ui/fit-rows.ts';
import { INSTANCE_HEADER, instanceHandle, instanceJson, instanceRow } from '../../ui/instance-rows.ts';
import { currentListing } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { requireKnown } from '../require-known.ts';

export interface PsOptions {
  readonly all?: boolean;
  readonly format: 'table' | 'json';
  readonly quiet?: boolean;
  readonly services?: boolean;
  /** False: `--no-trunc`. */
  readonly trunc: boolean;
}

/** What there is of the project at this moment. Starts and writes nothing, also when no supervisor runs. */
export async function ps(
  services: readonly string[],
  options: PsOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const name = await context.projectName();
  const listing = await currentListing(name, signal);
  const { instances, engineAway } = listing;
  requireKnown(services, [...listing.services, ...instances.map((instance) => instance.service)]);
  if (engineAway !== undefined) output.err(`${engineAway}: how containers are now is not known\n`);
  const chosen = instances.filter((instance) => services.length === 0 || services.includes(instance.service));
  output.out(
    render(
      name,
      chosen.filter((instance) => options.all === true || isUp(instance)),
      { ...options, engineAway: engineAway !== undefined },
    ),
  );
  return EXIT_OK;
}

interface RenderOptions extends PsOptions {
  readonly engineAway: boolean;
}

function render(project: string, instances: readonly ObservedInstance[], options: RenderOptions): string {
  const lines = (values: Iterable<string>): string => [...values].map((value) => `${value}\n`).join('');
  if (options.quiet === true) return lines(instances.map(instanceHandle));
  if (options.services === true) return lines(new Set(instances.map((instance) => instance.service)));
  if (options.format === 'json')
    return lines(instances.map((instance) => JSON.stringify(instanceJson(project, instance, options.engineAway))));
  const now = Date.now();
  return fittedTable(
    INSTANCE_HEADER,
    instances.map((instance) => instanceRow(instance, now, options.engineAway)),
    // Whoever reads from a pipe wants all of it.
    {
      width: options.trunc && process.stdout.isTTY ? process.stdout.columns : undefined,
      shorten: ['PORTS', 'IMAGE'],
      drop: ['CREATED', 'IMAGE', 'KIND'],
    },
  );
}
