import type { InstanceId } from '../../model/ids.ts';
import type { ExitStatus, Health, ObservedInstance } from '../../model/state.ts';
import type { RuntimeEvent } from '../runtime.ts';

interface Known {
  readonly id: InstanceId;
  readonly at: 'running' | 'backoff' | 'ended';
  readonly health: Health;
  readonly exit: ExitStatus | undefined;
  /** Nobody was told: an event that happened before the list was taken may still come, and is news then. */
  readonly untold: boolean;
}

/** What the events of an Engine have told so far: to say what they did not tell, and to tell nothing twice. */
export class KnownInstances {
  #known = new Map<string, Known>();

  /** The first list, of which nobody is told. */
  begin(now: readonly ObservedInstance[]): void {
    this.#known = new Map(now.map((instance) => [instance.handle, toKnown(instance, true)]));
  }

  /** Takes a list and returns what has changed since, as the events that nobody saw. */
  catchUp(now: readonly ObservedInstance[]): readonly RuntimeEvent[] {
    const at = Date.now();
    const before = this.#known;
    this.#known = new Map(now.map((instance) => [instance.handle, toKnown(instance, false)]));
    const gone = [...before].filter(([handle]) => !this.#known.has(handle));
    return [
      ...gone.map(([handle, { id }]): RuntimeEvent => ({ type: 'removed', handle, id, at })),
      ...now.flatMap((instance) => [
        ...startOrEnd(before.get(instance.handle), instance, at),
        ...healthChange(before.get(instance.handle), instance, at),
      ]),
    ];
  }

  /** False when the event says what is known already. */
  take(event: RuntimeEvent): boolean {
    if (!('handle' in event)) return true;
    const was = this.#known.get(event.handle);
    const next = after(was, event);
    if (next === undefined) this.#known.delete(event.handle);
    else this.#known.set(event.handle, next);
    if (was === undefined || was.untold || next === undefined) return true;
    return was.at !== next.at ? event.type === 'started' || was.at !== 'ended' : was.health !== next.health;
  }

  /** How the container ended that waits to be started again; undefined when it does not. */
  exitInBackoff(handle: string): ExitStatus | undefined {
    const known = this.#known.get(handle);
    return known?.at === 'backoff' ? known.exit : undefined;
  }
}

/** Undefined when it is gone. */
function after(was: Known | undefined, event: Extract<RuntimeEvent, { handle: string }>): Known | undefined {
  const base = {
    id: event.id,
    at: was?.at ?? 'running',
    health: was?.health ?? 'none',
    exit: was?.exit,
    untold: false,
  } as const;
  switch (event.type) {
    case 'started':
      return { ...base, at: 'running', health: 'none' };
    case 'exited':
      return { ...base, at: event.restartAt === undefined ? 'ended' : 'backoff', exit: event.exit };
    case 'health':
      return { ...base, health: event.health };
    case 'removed':
      return undefined;
    case 'ports':
      return base;
  }
}

function toKnown({ id, state }: ObservedInstance, untold: boolean): Known {
  const base = { id, at: 'ended', health: 'none', exit: undefined, untold } as const;
  switch (state.at) {
    case 'running':
      return { ...base, at: 'running', health: state.health };
    case 'backoff':
      return { ...base, at: 'backoff', exit: state.exit };
    case 'exited':
      return { ...base, exit: state.exit };
    case 'created':
    case 'stopping':
      return base;
  }
}

function startOrEnd(was: Known | undefined, now: ObservedInstance, at: number): readonly RuntimeEvent[] {
  const { handle, id, state } = now;
  const common = { handle, id, at };
  if (state.at === 'running') return was?.at === 'running' ? [] : [{ type: 'started', ...common }];
  if (was === undefined || was.at === 'ended') return [];
  if (state.at === 'exited') return [{ type: 'exited', ...common, exit: state.exit }];
  if (state.at === 'backoff' && was.at === 'running') {
    return [{ type: 'exited', ...common, exit: state.exit, restartAt: state.until }];
  }
  return [];
}

function healthChange(was: Known | undefined, now: ObservedInstance, at: number): readonly RuntimeEvent[] {
  const { handle, id, state } = now;
  if (state.at !== 'running' || state.health === 'none' || state.health === was?.health) return [];
  return [{ type: 'health', handle, id, at, health: state.health }];
}
