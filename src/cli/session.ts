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
  using _terminal = joinTerminal(session, request, signal);
  const ended = session.run(outputOf(hooks));
  // What it throws after the user left is the consequence of that.
  ended.catch(() => undefined);
  const code = await Promise.race([ended, leaving]);
  return code === 'left' ? EXIT_INTERRUPTED : code;
}

function joinTerminal(session: ClientSession, request: SessionRequest, signal: AbortSignal): Disposable {
  const { stdin, stdout } = process;
  const stack = new DisposableStack();
  if (request.tty && !request.detach) {
    const tell = (): void => session.send({ type: 'resize', columns: stdout.columns, rows: stdout.rows });
    tell();
    stdout.on('resize', tell);
    stack.defer(() => stdout.off('resize', tell));
    stdin.setRawMode(true);
    stack.defer(() => stdin.setRawMode(false));
  }
  if (request.stdin && !request.detach) {
    void pump(session, signal);
    // Otherwise the terminal would keep this process from ending.
    stack.defer(() => void stdin.destroy());
  } else session.send({ type: 'input-end' });
  return stack;
}

async function pump(session: ClientSession, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of process.stdin) await session.input(chunk as Buffer, signal);
  } catch {
    // The input was closed under us (EIO), or the session ended: there is no more of it.
  }
  session.send({ type: 'input-end' });
}

function outputOf(hooks: SessionHooks): SessionOutput {
  return {
    write: async (stream, bytes) => {
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
    },
    event: (event) => hooks.event?.(event),
    started: (name) => hooks.started?.(name),
  };
}
