import type { InstanceStats } from '../../control/protocol.ts';
import { statsJson, statsRow, STATS_HEADER } from '../../ui/stats-rows.ts';
import { formatTable } from '../../ui/table.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import type { Interrupts } from '../interrupt.ts';
import { requireKnown } from '../require-known.ts';

export interface StatsOptions {
  readonly all?: boolean;
  readonly format?: 'table' | 'json';
  /** False: once. */
  readonly stream?: boolean;
  /** False: ids in full. */
  readonly trunc?: boolean;
}

/** What instances use: once, or anew each second until it is interrupted; on a terminal in place. */
export async function stats(
  services: readonly string[],
  options: StatsOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, context.signal);
  const { instances: all, services: known } = await client.call('GET /v1/instances', undefined, context.signal);
  requireKnown(services, [...known, ...all.map((instance) => instance.service)]);
  const query = new URLSearchParams(services.map((service): [string, string] => ['service', service]));
  if (options.all === true) query.set('all', '1');
  const signal = interrupts.until(context.signal);
  for await (const { instances: measured } of client.stream(
    'GET /v1/stats',
    undefined,
    signal,
    `?${query.toString()}`,
  )) {
    const text = render(measured, options);
    const isOnce = options.stream === false;
    // To the top of the screen, over what is there, and nothing of it is left below.
    if (output.interactive && !isOnce && options.format !== 'json') {
      output.out(`\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[J`);
    } else output.out(text);
    if (isOnce) break;
  }
  return EXIT_OK;
}

function render(measured: readonly InstanceStats[], options: StatsOptions): string {
  if (options.format === 'json') return measured.map((one) => `${JSON.stringify(statsJson(one))}\n`).join('');
  return formatTable(
    STATS_HEADER,
    measured.map((one) => statsRow(one, options.trunc === false)),
  );
}
