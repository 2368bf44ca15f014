import { setTimeout as delay } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import { instanceId } from '../../model/ids.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { ObservedInstance } from '../../model/state.ts';
import { AsyncQueue } from '../../util/async-queue.ts';
import type { RuntimeEvent } from '../runtime.ts';
import { inspect } from './containers.ts';
import type { EngineEvent } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { readJsonLines } from './json-stream.ts';
import { isInstance, LABEL, projectFilter } from './labels.ts';
import { KnownInstances } from './known-instances.ts';
import { restartTime, toExit, toHealth } from './observe.ts';

/*
 * Which events the Engine sends, in order (docker compose documents the same in monitor.go):
 *
 *   starts                          start
 *   ends by itself                  die(exitCode)
 *   ends and restarts               die, start                     (no `restart` event for a restart policy)
 *   docker stop                     kill(signal), [kill(9)], die, stop
 *   docker restart                  kill, die, stop, start, restart
 *   docker kill                     kill, die
 *   docker rm -f                    kill, die, destroy
 *   out of memory                   oom, die(137)
 *   stopped while in back-off       stop                            (no die: docker/compose#13985)
 *   healthcheck                     exec_create, exec_start, exec_die …, health_status: healthy
 *
 * The Engine keeps 256 events and forgets them when it restarts, so after a lost connection the state is listed
 * anew and the differences become events.
 */

export interface EventSource {
  readonly engine: Engine;
  readonly project: ProjectName;
  readonly list: (signal: AbortSignal) => Promise<readonly ObservedInstance[]>;
}

/**
 * Changes of the project's containers from this call on until the signal; goes on by itself when the Engine comes
 * back.
 */
export function containerEvents(source: EventSource, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const left = new AbortController();
  const until = AbortSignal.any([signal, left.signal]);
  const queue = new AsyncQueue<RuntimeEvent>(until);
  // Not at the first read: what happens between the call and that read would be missed.
  const pumping = pump(source, queue, until);
  return drain(queue, async () => {
    left.abort();
    await pumping;
  });
}

async function* drain(queue: AsyncQueue<RuntimeEvent>, end: () => Promise<void>): AsyncGenerator<RuntimeEvent> {
  try {
    yield* queue;
  } finally {
    await end();
  }
}

async function pump(source: EventSource, queue: AsyncQueue<RuntimeEvent>, signal: AbortSignal): Promise<void> {
  const known = new KnownInstances();
  let lost = false;
  let attempt = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      // The stream is open before the list is taken: nothing can happen between the two.
      const stream = await source.engine.stream('GET', '/events', { filters: eventFilter(source.project) }, signal);
      const now = await source.list(signal);
      if (lost) {
        for (const event of known.catchUp(now)) queue.push(event);
        queue.push({ type: 'runtime-found', at: Date.now() });
      } else known.begin(now);
      lost = false;
      for await (const event of readJsonLines<EngineEvent>(stream)) {
        const translated = await translate(event, known, source.engine, signal);
        if (translated !== undefined && known.take(translated)) queue.push(translated);
      }
      throw new Error('ended');
    } catch (error) {
      if (signal.aborted) return;
      if (!lost) queue.push({ type: 'runtime-lost', at: Date.now(), reason: reasonOf(error, source.engine) });
      lost = true;
    }
    // An Engine that answers and hangs up at once is given more and more time, as one that does not answer.
    attempt = performance.now() - begun > STABLE_MS ? 1 : attempt + 1;
    await pause(Math.min(MAX_PAUSE_MS, 50 * 2 ** attempt), signal);
  }
}

/** The words of a broken stream say nothing to anybody. */
function reasonOf(error: unknown, engine: Engine): string {
  return error instanceof WcError
    ? error.message
    : `the connection to the Docker Engine at ${engine.description} broke`;
}

function eventFilter(project: ProjectName): Readonly<Record<string, readonly string[]>> {
  return {
    ...projectFilter(project),
    type: ['container'],
    event: ['start', 'die', 'destroy', 'stop', 'health_status'],
  };
}

/** Undefined for what is no instance, and for events that others say better. */
async function translate(
  event: EngineEvent,
  known: KnownInstances,
  engine: Engine,
  signal: AbortSignal,
): Promise<RuntimeEvent | undefined> {
  const { Attributes: attributes, ID: handle } = event.Actor;
  if (!isInstance(attributes)) return undefined;
  const id = instanceId(attributes[LABEL.service] ?? '', Number(attributes[LABEL.number] ?? 1));
  const common = { handle, id, at: event.timeNano / 1e6 };
  const [action = '', detail] = event.Action.split(': ');
  switch (action) {
    case 'start':
      return { type: 'started', ...common };
    case 'die': {
      const exit = toExit(Number(attributes['exitCode'] ?? 0));
      return { type: 'exited', ...common, exit, restartAt: await restartOf(engine, handle, signal) };
    }
    case 'stop': {
      const exit = known.exitInBackoff(handle);
      return exit === undefined ? undefined : { type: 'exited', ...common, exit };
    }
    case 'destroy':
      return { type: 'removed', ...common };
    case 'health_status':
      return { type: 'health', ...common, health: toHealth(detail) };
    default:
      return undefined;
  }
}

/** The Engine says nothing of its plans in the event; the container's state does, from before the event on. */
async function restartOf(engine: Engine, handle: string, signal: AbortSignal): Promise<number | undefined> {
  const found = await inspect(engine, handle, signal);
  if (found === undefined) return undefined;
  if (found.State.Restarting) return restartTime(found);
  // The first back-off is short: it may run again by now.
  return found.State.Running ? Date.parse(found.State.StartedAt) : undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // AbortError: the loop looks at the signal.
  }
}

const MAX_PAUSE_MS = 2_000;
/** A stream of events that lasted so long was a good one. */
const STABLE_MS = 10_000;
