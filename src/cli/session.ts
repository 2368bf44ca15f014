import { once } from 'node:events';

import { ClientSession } from '../control/session-client.ts';
import type { SessionOutput } from '../control/session-client.ts';
import type { SessionRequest } from '../control/session-protocol.ts';
import type { SupervisorEvent } from '../control/protocol.ts';
import type { Connection } from './connect.ts';
import { EXIT_INTERRUPTED } from './context.ts';
import type { CommandContext, ExitStatusCode } from './context.ts';
import type { Interrupts } from './interrupt.ts';

export interface SessionHooks {
  readonly event?: (event: SupervisorEvent) => void;
  readonly started?: (name: string) => void;
  /** True: the interrupt was passed on and the session goes on. */
  readonly interrupt?: (session: ClientSession, count: number) => boolean;
}

/** True where a command should get a terminal: a person is at both ends of ours. */
export function wantsTty(noTty: boolean): boolean {
  return !noTty && process.stdin.isTTY && process.stdout.isTTY;
}

/**
 * Joins this terminal, or these pipes, with a command in an instance; gives the command's exit status. The terminal is
 * as it was when this resolves.
 */
export async function runSession(
  connection: Connection,
  request: SessionRequest,
  hooks: SessionHooks,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const left = new AbortController();
  const signal = AbortSignal.any([context.signal, left.signal]);
  using session = await ClientSession.open(connection.dirs.socket, request, signal);
  const leaving = new Promise<'left'>((resolve) => signal.addEventListener('abort', () => resolve('left')));
  interrupts.listen((count) => {
    if (hooks.interrupt?.(session, count) !== true) left.abort();
  });
  using terminal = new DisposableStack();
  const streams = streamsOf(request);
  if (streams.tty) joinTerminal(session, terminal);
  joinInput(session, streams.stdin, signal, terminal);
  const output = outputOf(hooks, (tty) => {
    if (tty && !streams.tty && streams.stdin && process.stdin.isTTY) joinTerminal(session, terminal);
  });
  const ended = session.run(output);
  // What it throws after the user left is the consequence of that.
  ended.catch(() => undefined);
  const code = await Promise.race([ended, leaving]);
  return code === 'left' ? EXIT_INTERRUPTED : code;
}

function streamsOf(request: SessionRequest): { readonly tty: boolean; readonly stdin: boolean } {
  if (request.open === 'attach') return { tty: false, stdin: request.stdin };
  if (request.open !== 'exec' && request.open !== 'run') return { tty: false, stdin: false };
  const { tty, stdin, detach } = request;
  return { tty: tty && !detach, stdin: stdin && !detach };
}

function joinTerminal(session: ClientSession, stack: DisposableStack): void {
  const { stdin, stdout } = process;
  const tell = (): void => session.send({ type: 'resize', columns: stdout.columns, rows: stdout.rows });
  tell();
  stdout.on('resize', tell);
  stack.defer(() => stdout.off('resize', tell));
  stdin.setRawMode(true);
  stack.defer(() => stdin.setRawMode(false));
}

function joinInput(session: ClientSession, isOpen: boolean, signal: AbortSignal, stack: DisposableStack): void {
  if (!isOpen) {
    session.send({ type: 'input-end' });
    return;
  }
  void pump(session, signal);
  // Otherwise the terminal would keep this process from ending.
  stack.defer(() => void process.stdin.destroy());
}

async function pump(session: ClientSession, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of process.stdin) await session.input(chunk as Buffer, signal);
  } catch {
    // The input was closed under us (EIO), or the session ended: there is no more of it.
  }
  session.send({ type: 'input-end' });
}

function outputOf(hooks: SessionHooks, terminal: (tty: boolean) => void): SessionOutput {
  return {
    write: writeAll,
    event: (event) => hooks.event?.(event),
    started: (name, tty) => {
      terminal(tty);
      hooks.started?.(name);
    },
  };
}

/** Resolves when there is room for more. Never rejects: whoever read our output may have gone. */
export async function writeAll(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
  const target = process[stream];
  if (!target.writable || target.write(bytes)) return;
  const settled = new AbortController();
  const either = { signal: settled.signal };
  try {
    await Promise.race([once(target, 'drain', either), once(target, 'close', either)]);
  } catch {
    // EPIPE: whoever read our output has gone.
  } finally {
    settled.abort();
  }
}
