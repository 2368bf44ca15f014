import { projectGraph } from '../../model/project-graph.ts';
import { formatGraph } from '../../ui/graph-text.ts';
import type { GraphFormat } from '../../ui/graph-text.ts';
import { currentListing } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { requireKnown } from '../require-known.ts';

export interface GraphOptions {
  readonly format: GraphFormat;
}

/** What the file describes, with what of it runs. Starts and writes nothing. */
export async function graph(
  services: readonly string[],
  options: GraphOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { project } = await context.loadProject(services);
  requireKnown(services, Object.keys(project.services));
  const { instances } = await currentListing(project.name, context.signal);
  context.output.out(formatGraph(projectGraph(project, instances, services), options.format));
  return EXIT_OK;
}
