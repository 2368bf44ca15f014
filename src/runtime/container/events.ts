import { setTimeout as delay } from 'node:timers/promises';

import { instanceId } from '../../model/ids.ts';
import type { ProjectName } from '../../model/ids.ts';
import type { ObservedInstance } from '../../model/state.ts';
import type { RuntimeEvent } from '../runtime.ts';
import { AsyncQueue } from '../../util/async-queue.ts';
import type { Engine } from './engine.ts';
import { readNdjsonLines } from './json-stream.ts';
import { LABEL, projectFilter } from './labels.ts';
import { toHealth } from './observe.ts';

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
interface EngineEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly time: number;
}

export interface EventSource {
  readonly engine: Engine;
  readonly project: ProjectName;
  readonly list: (signal: AbortSignal) => Promise<readonly ObservedInstance[]>;
}

/** Changes of the project's containers until the signal; goes on by itself when the Engine comes back. */
export async function* containerEvents(source: EventSource, signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
  const queue = new AsyncQueue<RuntimeEvent>(signal);
  const pumping = pump(source, queue, signal);
  try {
    yield* queue;
  } finally {
    await pumping;
  }
}

async function pump(source: EventSource, queue: AsyncQueue<RuntimeEvent>, signal: AbortSignal): Promise<void> {
  let lost = false;
  let before: readonly ObservedInstance[] = [];
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      // The stream is open before the list is taken: nothing can happen between the two.
      const stream = await source.engine.stream(
        'GET',
        '/events',
        { query: { filters: eventFilter(source.project) } },
        signal,
      );
      const now = await source.list(signal);
      if (lost) {
        for (const event of differences(before, now)) queue.push(event);
        queue.push({ type: 'runtime-found', at: Date.now() });
      }
      lost = false;
      attempt = 0;
      before = now;
      for await (const event of readNdjsonLines<EngineEvent>(stream)) {
        const translated = translate(event);
        if (translated !== undefined) queue.push(translated);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!lost)
        queue.push({
          type: 'runtime-lost',
          at: Date.now(),
          reason: error instanceof Error ? error.message : String(error),
        });
      lost = true;
    }
    await pause(Math.min(2_000, 50 * 2 ** attempt), signal);
  }
}

function eventFilter(project: ProjectName): string {
  return JSON.stringify({
    type: ['container'],
    event: ['start', 'die', 'destroy', 'stop', 'health_status'],
    ...(JSON.parse(projectFilter(project)) as object),
  });
}

/** Undefined for what is none of ours: relays, helpers, one-off containers, and events that others say better. */
function translate(event: EngineEvent): RuntimeEvent | undefined {
  const { Attributes: attributes, ID: handle } = event.Actor;
  const service = attributes[LABEL.service];
  if (service === undefined || attributes[LABEL.oneoff] === 'True') return undefined;
  if ((attributes[LABEL.kind] ?? 'container') !== 'container') return undefined;
  const common = { handle, id: instanceId(service, Number(attributes[LABEL.number] ?? 1)), at: event.time * 1000 };
  const [action = '', detail] = event.Action.split(': ');
  switch (action) {
    case 'start':
      return { type: 'started', ...common };
    case 'die':
      return { type: 'exited', ...common, exit: { how: 'code', code: Number(attributes['exitCode'] ?? 0) } };
    case 'destroy':
      return { type: 'removed', ...common };
    case 'health_status':
      return { type: 'health', ...common, health: toHealth(detail) };
    default:
      return undefined;
  }
}

/** What happened while nobody listened. */
export function differences(
  before: readonly ObservedInstance[],
  now: readonly ObservedInstance[],
): readonly RuntimeEvent[] {
  const at = Date.now();
  const old = new Map(before.map((instance) => [instance.handle, instance]));
  const gone = before.filter((instance) => !now.some((one) => one.handle === instance.handle));
  return [
    ...gone.map((instance): RuntimeEvent => ({ type: 'removed', handle: instance.handle, id: instance.id, at })),
    ...now.flatMap((instance): readonly RuntimeEvent[] => {
      const { handle, id, state } = instance;
      const was = old.get(handle)?.state.at;
      if (state.at === 'running' && was !== 'running') return [{ type: 'started', handle, id, at }];
      if (state.at === 'exited' && was === 'running') return [{ type: 'exited', handle, id, at, exit: state.exit }];
      return [];
    }),
  ];
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // AbortError: the loop looks at the signal.
  }
}
