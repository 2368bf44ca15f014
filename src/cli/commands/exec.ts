import { WcError } from '../../model/diagnostic.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { readEnvironment } from '../environment.ts';
import type { Interrupts } from '../interrupt.ts';
import { runSession, wantsTty } from '../session.ts';

export interface ExecOptions {
  readonly detach?: boolean;
  /** False: `-T`. */
  readonly tty?: boolean;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly index?: number;
  readonly privileged?: boolean;
}

/** A command in a container that runs; its exit status is ours. */
export async function exec(
  service: string,
  command: readonly string[],
  options: ExecOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  if (command.length === 0) throw new WcError('ERR_USAGE', 'exec needs a command to run in the service');
  const detach = options.detach === true;
  const connection = await ensureSupervisor(await context.projectName(), { sameVersion: false }, context.signal);
  const request = {
    open: 'exec',
    service,
    command,
    index: options.index,
    tty: wantsTty(options.tty === false || detach),
    stdin: !detach,
    detach,
    environment: readEnvironment(options.env ?? [], process.env),
    user: options.user,
    workingDir: options.workdir,
    privileged: options.privileged === true,
  } as const;
  return await runSession(connection, request, {}, context, interrupts);
}
