import { setTimeout as delay } from 'node:timers/promises';

import type { LogSink } from '../../logs/record.ts';
import { inspect } from './containers.ts';
import { isLost } from './engine.ts';
import type { Engine } from './engine.ts';
import { explain, isStatus } from './errors.ts';
import { LogFrames, toMs } from './log-frames.ts';
import { LogPosition } from './log-position.ts';

/**
 * Copies a container's log into the sink: what is later than `since` (epoch ms), then what comes, until the container
 * has ended and all is read, or the signal. A container that its restart policy starts again is to be followed anew
 * then. Follows the log and never attaches: a reader that is slow at an attach connection stops the container itself
 * (moby/moby#41827). When the Engine goes away it waits for it and resumes.
 */
export async function followLogs(
  engine: Engine,
  handle: string,
  since: number | undefined,
  sink: LogSink,
  signal: AbortSignal,
): Promise<void> {
  const position = new LogPosition(since);
  let failures = 0;
  while (!signal.aborted) {
    try {
      const container = await inspect(engine, handle, signal);
      if (container === undefined) return;
      const read = await copy(engine, { handle, tty: container.Config.Tty }, position, sink, signal);
      const after = await inspect(engine, handle, signal);
      if (after === undefined || !after.State.Running || after.State.Restarting) return;
      failures = read > 0 ? 0 : failures + 1;
    } catch (error) {
      if (signal.aborted || isStatus(error, 404, 409)) return;
      if (isStatus(error, 501)) {
        sink.system('its logging driver keeps no log that could be shown here');
        return;
      }
      if (!isLost(error)) throw explain(error, { doing: `read the log of container ${handle.slice(0, 12)}` });
      failures++;
    }
    // The stream also ends when the container was restarted: the next one is opened at once.
    if (failures > 0) await pause(Math.min(MAX_PAUSE_MS, 50 * 2 ** failures), signal);
  }
}

/** Reads one log stream to its end; returns how many lines were new. */
async function copy(
  engine: Engine,
  { handle, tty }: { readonly handle: string; readonly tty: boolean },
  position: LogPosition,
  sink: LogSink,
  signal: AbortSignal,
): Promise<number> {
  let read = 0;
  const frames = new LogFrames({
    tty,
    line: (line) => {
      if (!position.take(line)) return;
      read++;
      sink.write(line.stream, line.text, toMs(line.time));
    },
    trouble: (text) => sink.system(text),
  });
  const query = { follow: true, stdout: true, stderr: true, timestamps: true, since: position.begin() };
  const stream = await engine.stream('GET', `/containers/${handle}/logs`, { query }, signal);
  for await (const chunk of stream) frames.push(chunk as Uint8Array);
  frames.end();
  return read;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // AbortError: the loop looks at the signal.
  }
}

const MAX_PAUSE_MS = 2_000;
