import { readStoredLogs, readStoredServices } from '../../control/offline-logs.ts';
import { LogLines } from '../../ui/log-lines.ts';
import { findSupervisor } from '../connect.ts';
import { EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import type { Interrupts } from '../interrupt.ts';
import { requireKnown } from '../require-known.ts';
import { printRecord, streamLogs } from '../stream-logs.ts';

export interface LogsOptions {
  readonly follow?: boolean;
  readonly tail: string;
  readonly timestamps?: boolean;
  readonly logPrefix?: boolean;
}

/** History, and with --follow what comes. Without a supervisor the history is read from its files. */
export async function logs(
  services: readonly string[],
  options: LogsOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const name = await context.projectName();
  const signal = interrupts.until(context.signal);
  const tail = options.tail === 'all' ? undefined : Number(options.tail);
  const follow = options.follow === true;
  const lines = new LogLines(output, {
    prefix: options.logPrefix !== false,
    timestamps: options.timestamps === true,
    names: [],
  });
  const connection = await findSupervisor(name, signal);
  if (connection === undefined) {
    requireKnown(services, await readStoredServices(name, process.env));
    const query = { services, after: 0, tail, follow: false };
    for await (const records of readStoredLogs(name, process.env, query, signal)) {
      for (const record of records) printRecord(record, { splitStreams: false, follow: false }, lines, output);
    }
    if (follow) output.err('Nothing of this project runs under wcompose now; this was its stored log.\n');
    return interrupts.count > 0 ? EXIT_INTERRUPTED : EXIT_OK;
  }
  if (services.length > 0) {
    const listing = await connection.client.call('GET /v1/instances', undefined, signal);
    requireKnown(services, [...listing.services, ...listing.instances.map((instance) => instance.service)]);
  }
  const wanted = { services, after: 0, tail, follow, splitStreams: false };
  await streamLogs(connection.client, wanted, lines, output, signal);
  return interrupts.count > 0 ? EXIT_INTERRUPTED : EXIT_OK;
}
