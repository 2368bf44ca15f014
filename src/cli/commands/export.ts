import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { ClientSession } from '../../control/session-client.ts';
import { WcError } from '../../model/diagnostic.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { rawOutput, receive } from '../copy/receive.ts';
import { writeAll } from '../session.ts';

export interface ExportOptions {
  readonly index?: number;
  readonly output?: string;
}

/** All files of a container, as an archive. */
export async function exportFiles(
  service: string,
  options: ExportOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { signal } = context;
  if (options.output === undefined && process.stdout.isTTY)
    throw new WcError('ERR_USAGE', 'an archive is not for a terminal', { hint: 'use --output, or a pipe' });
  const { dirs } = await ensureSupervisor(await context.projectName(), { sameVersion: true }, signal);
  using session = await ClientSession.open(dirs.socket, { open: 'export', service, index: options.index }, signal);
  if (options.output === undefined) await session.run(rawOutput(async (bytes) => await writeAll('stdout', bytes)));
  else {
    const archive = new PassThrough();
    const file = createWriteStream(resolve(options.output));
    await Promise.all([pipeline(archive, file, { signal }), receive(session, archive)]);
  }
  return EXIT_OK;
}
