import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { attachDemux } from '../../net/relay/attach-demux.ts';
import type { AttachOptions, ContainerSessions, ExecCommand } from '../container-sessions.ts';
import type { Terminal } from '../terminal.ts';
import { inspect } from './containers.ts';
import type { Engine } from './engine.ts';
import { isLost } from './engine.ts';
import { EngineError, explain, explained, isStatus } from './errors.ts';

/** Commands in containers whose input and output are a user's. */
export function createContainerSessions(engine: Engine): ContainerSessions {
  return {
    exec: async (handle, command, terminal, signal) => await exec(engine, handle, { command, terminal }, signal),
    attach: async (handle, options, terminal, signal) => await attach(engine, handle, { options, terminal }, signal),
    attachRunning: async (handle, { stdin, detachKeys, started }, terminal, signal) => {
      const tty = (await inspect(engine, handle, signal))?.Config.Tty === true;
      const start = async (): Promise<void> => await Promise.resolve(started(tty));
      return await attach(engine, handle, { options: { tty, stdin, detachKeys, start }, terminal }, signal);
    },
    wait: async (handle, signal) => await wait(engine, handle, signal),
  };
}

async function exec(
  engine: Engine,
  handle: string,
  { command, terminal }: { readonly command: ExecCommand; readonly terminal: Terminal },
  signal: AbortSignal,
): Promise<number> {
  const doing = `run ${command.argv[0] ?? ''} in container ${handle.slice(0, 12)}`;
  const { Id: id } = await explained({ doing }, async () => {
    const body = execBody(command);
    return await engine.request<{ readonly Id: string }>('POST', `/containers/${handle}/exec`, { body }, signal);
  });
  try {
    if (command.detach) {
      await engine.request('POST', `/exec/${id}/start`, { body: { Detach: true, Tty: command.tty } }, signal);
      return 0;
    }
    const socket = await engine.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: command.tty } }, signal);
    terminal.onResize(({ columns, rows }) => {
      void resize(engine, `/exec/${id}`, columns, rows, signal);
    });
    await converse(socket, command, terminal);
    signal.throwIfAborted();
    return await execStatus(engine, id, signal);
  } catch (error) {
    const status = cannotRun(error);
    if (status === undefined) throw explain(error, { doing });
    await terminal.write('stderr', Buffer.from(`${(error as EngineError).detail}\n`));
    return status;
  }
}

function execBody(command: ExecCommand): Readonly<Record<string, unknown>> {
  return {
    AttachStdin: command.stdin && !command.detach,
    AttachStdout: !command.detach,
    AttachStderr: !command.detach,
    Tty: command.tty,
    Cmd: command.argv,
    Env: Object.entries(command.environment).map(([name, value]) => `${name}=${value}`),
    Privileged: command.privileged,
    ...(command.user === undefined ? {} : { User: command.user }),
    ...(command.workingDir === undefined ? {} : { WorkingDir: command.workingDir }),
  };
}

/** The output ends a moment before the Engine knows the status. One that goes on was left with ctrl-p ctrl-q. */
async function execStatus(engine: Engine, id: string, signal: AbortSignal): Promise<number> {
  for (let look = 0; ; look++) {
    const found = await orGone(async () => await engine.request<ExecReply>('GET', `/exec/${id}/json`, {}, signal));
    if (found === undefined) return KILLED;
    if (!found.Running) return found.ExitCode ?? 0;
    if (look === LOOKS) return 0;
    await delay(LOOK_MS, undefined, { signal });
  }
}

interface ExecReply {
  readonly Running: boolean;
  readonly ExitCode: number | null;
}

/** As a shell: 127 when there is no such program, 126 when it cannot be run. Undefined for other errors. */
function cannotRun(error: unknown): number | undefined {
  if (!(error instanceof EngineError)) return undefined;
  if (/executable file not found|no such file or directory/.test(error.detail)) return 127;
  return /OCI runtime exec failed|permission denied/.test(error.detail) ? 126 : undefined;
}

async function attach(
  engine: Engine,
  handle: string,
  { options, terminal }: { readonly options: AttachOptions & DetachKeys; readonly terminal: Terminal },
  signal: AbortSignal,
): Promise<number | undefined> {
  const keys = options.detachKeys === undefined ? {} : { detachKeys: options.detachKeys };
  const query = { stream: 1, stdout: 1, stderr: 1, ...(options.stdin ? { stdin: 1 } : {}), ...keys };
  const socket = await explained({ doing: `attach to container ${handle.slice(0, 12)}` }, async () => {
    return await engine.hijack(`/containers/${handle}/attach`, { query }, signal);
  });
  try {
    // The output is read from before the start on: nothing the command prints first gets lost.
    const talking = converse(socket, options, terminal);
    await options.start();
    terminal.onResize(({ columns, rows }) => {
      void resize(engine, `/containers/${handle}`, columns, rows, signal);
    });
    await talking;
  } finally {
    socket.destroy();
  }
  signal.throwIfAborted();
  const found = await inspect(engine, handle, signal);
  if (found?.State.Running === true && (await goesOn(engine, handle, signal))) return undefined;
  return await wait(engine, handle, signal);
}

interface DetachKeys {
  readonly detachKeys?: string | undefined;
}

/** The output of a container ends a moment before it does itself. */
async function goesOn(engine: Engine, handle: string, signal: AbortSignal): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    await delay(LOOK_MS, undefined, { signal });
    if ((await inspect(engine, handle, signal))?.State.Running !== true) return false;
  }
  return true;
}

async function wait(engine: Engine, handle: string, signal: AbortSignal): Promise<number> {
  const path = `/containers/${handle}/wait`;
  const ended = await orGone(async () => await engine.request<WaitReply>('POST', path, {}, signal));
  return ended?.StatusCode ?? KILLED;
}

interface WaitReply {
  readonly StatusCode: number;
}

/** Undefined when somebody has removed the container meanwhile. */
async function orGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw explain(error, { doing: 'learn how a command ended' });
  }
}

/** Hands input and output over until the output ends. A slow user slows the command down. */
async function converse(
  socket: Duplex,
  { tty, stdin }: { readonly tty: boolean; readonly stdin: boolean },
  terminal: Terminal,
): Promise<void> {
  // A command that reads no more, or an Engine that went away, is told by the end of the output.
  socket.on('error', () => undefined);
  if (stdin) terminal.input.pipe(socket);
  let pieces: (readonly ['stdout' | 'stderr', Buffer])[] = [];
  const demux = attachDemux(
    (bytes) => void pieces.push(['stdout', bytes]),
    (bytes) => void pieces.push(['stderr', bytes]),
  );
  try {
    for await (const chunk of socket) {
      if (tty) pieces.push(['stdout', chunk as Buffer]);
      else demux(chunk as Buffer);
      for (const [stream, bytes] of pieces) await terminal.write(stream, bytes);
      pieces = [];
    }
  } catch (error) {
    // ECONNRESET: some Engines close so when the command has ended; whether it has is asked next.
    if (!isLost(error) && (error as Error).name !== 'AbortError') throw error;
  } finally {
    terminal.input.unpipe(socket);
  }
}

/** The command may have ended, or may not have a terminal yet: the next change of size is another chance. */
async function resize(engine: Engine, path: string, columns: number, rows: number, signal: AbortSignal): Promise<void> {
  try {
    await engine.request('POST', `${path}/resize`, { query: { h: rows, w: columns } }, signal);
  } catch {
    // EngineError, ERR_ENGINE_UNREACHABLE, AbortError: see above.
  }
}

/** What a container that is removed by force ends with. */
const KILLED = 137;
const LOOKS = 10;
const LOOK_MS = 50;
