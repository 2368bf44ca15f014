import type { ImageRow } from '../../control/protocol.ts';
import { duration } from '../../ui/instance-rows.ts';
import { formatTable } from '../../ui/table.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface ImagesOptions {
  readonly format: 'table' | 'json';
  readonly quiet?: boolean;
}

/** The images and modules that the project's instances were made of. */
export async function images(
  services: readonly string[],
  options: ImagesOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, signal);
  const rows = await client.call('POST /v1/images', { services }, signal);
  if (options.quiet === true) {
    for (const id of new Set(rows.map((row) => row.id))) output.out(`${id.replace(/^sha256:/, '')}\n`);
  } else if (options.format === 'json') output.out(`${JSON.stringify(rows.map(toJson))}\n`);
  else output.out(formatTable(HEADER, rows.map(toCells)));
  return EXIT_OK;
}

const HEADER = ['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE', 'CREATED'] as const;

function toJson(row: ImageRow): Readonly<Record<string, unknown>> {
  return {
    ID: row.id,
    ContainerName: row.name,
    Kind: row.kind,
    Repository: row.repository,
    Tag: row.tag,
    Platform: row.platform,
    Size: row.bytes,
    ...(row.createdAt === undefined ? {} : { Created: new Date(row.createdAt).toISOString() }),
  };
}

function toCells(row: ImageRow): readonly string[] {
  return [
    row.name,
    row.repository || '<none>',
    row.tag || '<none>',
    row.platform,
    row.id.replace(/^sha256:/, '').slice(0, 12),
    size(row.bytes),
    row.createdAt === undefined ? 'N/A' : `${duration(Date.now() - row.createdAt)} ago`,
  ];
}

/** As docker: powers of ten, three digits. */
function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}
