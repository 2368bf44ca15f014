import { setTimeout as delay } from 'node:timers/promises';

import type { LogSink } from '../../logs/record.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { Engine } from './engine.ts';
import { isStatus } from './errors.ts';
import { LogFrames, sinceText } from './log-frames.ts';
import { inspect } from './observe.ts';

/**
 * Copies a container's log into the sink: what is later than `since` (epoch ms), then what comes, until the container
 * has ended and all is read, or the signal. Follows the log and never attaches: a reader that is slow at an attach
 * connection stops the container itself (moby/moby#41827). When the Engine goes away it waits for it and resumes.
 */
export async function followLogs(
  engine: Engine,
  handle: string,
  since: number | undefined,
  sink: LogSink,
  signal: AbortSignal,
): Promise<void> {
  let last = since;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const state = await inspect(engine, handle, signal);
      if (state === undefined) return;
      last = await copy(engine, handle, state.Config.Tty, last, sink, signal);
      const after = await inspect(engine, handle, signal);
      if (after === undefined || !(after.State.Running || after.State.Restarting)) return;
    } catch (error) {
      if (signal.aborted || isStatus(error, 404, 409)) return;
      if (!isLost(error)) throw error;
    }
    await pause(Math.min(5_000, 100 * 2 ** Math.min(attempt, 6)), signal);
  }
}

/** Reads one log stream to its end; returns the time of the last line. */
async function copy(
  engine: Engine,
  handle: string,
  tty: boolean,
  since: number | undefined,
  sink: LogSink,
  signal: AbortSignal,
): Promise<number | undefined> {
  let last = since;
  const query = {
    follow: true,
    stdout: true,
    stderr: true,
    timestamps: true,
    since: since === undefined ? undefined : sinceText(since),
  };
  const frames = new LogFrames(tty, (line) => {
    // `since` includes its own moment: what was read up to it comes once more.
    if (since !== undefined && line.at <= since) return;
    last = line.at;
    sink.write(line.stream, line.text, line.at);
  });
  const stream = await engine.stream('GET', `/containers/${handle}/logs`, { query }, signal);
  const close = (): void => void stream.destroy();
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const chunk of stream) frames.push(chunk as Uint8Array);
  } catch (error) {
    if (!signal.aborted && !isLost(error)) throw error;
  } finally {
    signal.removeEventListener('abort', close);
  }
  return last;
}

function isLost(error: unknown): boolean {
  if (error instanceof WcError) return error.code === 'ERR_ENGINE_UNREACHABLE';
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // AbortError: the loop looks at the signal.
  }
}
