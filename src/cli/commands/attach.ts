import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import type { Interrupts } from '../interrupt.ts';
import { runSession } from '../session.ts';

export interface AttachOptions {
  readonly index?: number;
  readonly detachKeys?: string;
  /** False: `--no-stdin`. */
  readonly stdin?: boolean;
  readonly sigProxy: 'true' | 'false';
}

/** Joins this terminal with an instance that runs; its exit status is ours. */
export async function attach(
  service: string,
  options: AttachOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const connection = await ensureSupervisor(await context.projectName(), { sameVersion: true }, context.signal);
  const signals = options.sigProxy === 'true';
  const request = {
    open: 'attach',
    service,
    index: options.index,
    stdin: options.stdin !== false,
    signals,
    detachKeys: options.detachKeys,
  } as const;
  const interrupt = (session: { send(message: { type: 'signal'; name: string }): void }, count: number): boolean => {
    if (!signals || count > 2) return false;
    session.send({ type: 'signal', name: interrupts.last ?? 'SIGINT' });
    return true;
  };
  return await runSession(connection, request, { interrupt }, context, interrupts);
}
