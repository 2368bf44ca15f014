import type { LogHub } from '../logs/hub.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import { isUp } from '../model/state.ts';
import type { ExitStatus, InstanceState, ObservedInstance } from '../model/state.ts';
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts';
import { Broadcast } from '../util/broadcast.ts';
import { describeExit } from './condition.ts';
import type { EngineSide } from './engine-access.ts';
import type { LogFollowers } from './log-followers.ts';
import { traceError } from './trace.ts';

export interface InstanceExit {
  readonly id: InstanceId;
  readonly name: string;
  readonly exit: ExitStatus;
  readonly restarting: boolean;
  readonly running: number;
}

/**
 * What the supervisor knows of the project's instances between two observations: which run, and under which
 * handle. Fed by observations and by the events of both runtimes; tells waiters and clients of changes.
 */
export class Instances {
  /** Something about an instance changed; undefined: anything may have, look again. */
  readonly changes = new Broadcast<InstanceId | undefined>();
  readonly exits = new Broadcast<InstanceExit>();
  readonly engineChanges = new Broadcast<{ readonly reachable: boolean; readonly reason?: string | undefined }>();
  /** Containers of the project came or went, so names may mean other addresses now. */
  readonly addressChanges = new Broadcast<void>();
  readonly #known = new Map<InstanceId, ObservedInstance>();
  readonly #running = new Set<InstanceId>();
  /** What is still to be done for the events of an instance; one that takes its time keeps no other waiting. */
  readonly #pending = new Map<InstanceId, Promise<void>>();
  /** Handles of what was started here and whose end has not been told of yet. */
  readonly #untold = new Set<string>();
  readonly #hub: LogHub;
  readonly #followers: LogFollowers;
  readonly #project: ProjectName;

  constructor(project: ProjectName, hub: LogHub, followers: LogFollowers) {
    this.#project = project;
    this.#hub = hub;
    this.#followers = followers;
  }

  get running(): number {
    return this.#running.size;
  }

  /** The containers as they were seen last, for when the Engine does not answer. */
  containers(): readonly ObservedInstance[] {
    return [...this.#known.values()].filter((one) => one.kind === 'container' && !isGone(one.state));
  }

  get(id: InstanceId): ObservedInstance | undefined {
    return this.#known.get(id);
  }

  /** A full snapshot: what it does not hold is gone. Running containers are followed from now on. */
  replaceAll(instances: readonly ObservedInstance[], engine: EngineSide | undefined): void {
    this.#known.clear();
    this.#running.clear();
    for (const instance of instances) this.#set(instance, engine);
  }

  created(instance: ObservedInstance): void {
    this.#set(instance, undefined);
  }

  /** It is started now, so its end will be told of: its last lines first, then the exit. */
  starting({ handle }: ObservedInstance): void {
    this.#untold.add(handle);
  }

  /** Resolves when the end of each of these that has ended is told of, with all that it printed. Of those started here. */
  async untilTold(instances: readonly ObservedInstance[], signal: AbortSignal): Promise<void> {
    const ended = instances.filter(({ state }) => state.at === 'exited');
    const isTold = (): boolean => !ended.some(({ handle }) => this.#untold.has(handle));
    if (isTold() || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _exits = this.exits.subscribe(() => {
      if (isTold()) resolve();
    });
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }

  /** It was removed; nothing of one that has taken its place. */
  removed({ id, handle }: ObservedInstance): void {
    this.#untold.delete(handle);
    if (this.#known.get(id)?.handle !== handle) return;
    this.#known.delete(id);
    this.#running.delete(id);
    this.#hub.forget(id);
    this.changes.emit(id);
  }

  /** Follows a runtime's events until the signal ends. */
  async listen(runtime: Runtime, engine: EngineSide | undefined, signal: AbortSignal): Promise<void> {
    for await (const event of runtime.events(this.#project, signal)) {
      if (engine !== undefined && CHANGES_ADDRESSES.has(event.type)) this.addressChanges.emit();
      if ('id' in event) this.#note(event);
      this.#take(event, engine, signal);
    }
    await Promise.all(this.#pending.values());
  }

  /** Keeps what is known of the instance up to date; an event of one that was replaced says nothing of the new one. */
  #note(event: InstanceEvent): void {
    const known = this.#known.get(event.id);
    if (known?.handle !== event.handle) return;
    this.#known.set(event.id, { ...known, state: afterEvent(known.state, event) });
  }

  #take(event: RuntimeEvent, engine: EngineSide | undefined, signal: AbortSignal): void {
    switch (event.type) {
      case 'started':
        this.#inOrder(event.id, () => {
          this.#running.add(event.id);
          if (engine !== undefined) this.#followers.follow(engine, event.handle, event.id);
        });
        this.changes.emit(event.id);
        return;
      case 'exited':
        this.#inOrder(event.id, async () => await this.#exited(event, signal));
        this.changes.emit(event.id);
        return;
      case 'health':
      case 'ports':
        this.changes.emit(event.id);
        return;
      case 'removed':
        this.#inOrder(event.id, () => void this.#running.delete(event.id));
        this.changes.emit(event.id);
        return;
      case 'runtime-lost':
        this.engineChanges.emit({ reachable: false, reason: event.reason });
        return;
      case 'runtime-found':
        this.engineChanges.emit({ reachable: true });
        this.changes.emit(undefined);
        return;
    }
  }

  /** Events of one instance are handled one after the other: its next start follows the log that its end drained. */
  #inOrder(id: InstanceId, task: () => Promise<void> | void): void {
    const before = this.#pending.get(id);
    if (before === undefined) {
      const done = task();
      if (done !== undefined) this.#hold(id, done);
      return;
    }
    this.#hold(id, before.then(task));
  }

  #hold(id: InstanceId, work: Promise<void>): void {
    const held = work.catch(traceError).finally(() => {
      if (this.#pending.get(id) === held) this.#pending.delete(id);
    });
    this.#pending.set(id, held);
  }

  async #exited(event: Extract<RuntimeEvent, { type: 'exited' }>, signal: AbortSignal): Promise<void> {
    await this.#followers.drained(event.handle, AbortSignal.any([signal, AbortSignal.timeout(DRAIN_MS)]));
    const restarting = event.restartAt !== undefined;
    if (!restarting) this.#running.delete(event.id);
    const sink = this.#hub.sink(event.id);
    sink.flush();
    sink.system(`${describeExit(event.exit)}${restarting ? ' (restarting)' : ''}`);
    if (!restarting) this.#untold.delete(event.handle);
    const name = this.#known.get(event.id)?.name ?? event.id;
    this.exits.emit({ id: event.id, name, exit: event.exit, restarting, running: this.#running.size });
  }

  #set(instance: ObservedInstance, engine: EngineSide | undefined): void {
    this.#known.set(instance.id, instance);
    if (!isUp(instance)) return;
    this.#running.add(instance.id);
    if (engine !== undefined && instance.kind === 'container') {
      this.#followers.follow(engine, instance.handle, instance.id);
    }
  }
}

type InstanceEvent = Extract<RuntimeEvent, { readonly id: InstanceId }>;

function afterEvent(state: InstanceState, event: InstanceEvent): InstanceState {
  switch (event.type) {
    case 'started':
      return { at: 'running', health: 'none', since: event.at };
    case 'exited':
      return event.restartAt === undefined
        ? { at: 'exited', exit: event.exit, since: event.at }
        : { at: 'backoff', attempt: 1, until: event.restartAt, exit: event.exit };
    case 'health':
      return state.at === 'running' ? { ...state, health: event.health } : state;
    case 'removed':
      return { at: 'exited', exit: { how: 'lost', reason: 'it was removed' }, since: event.at };
    case 'ports':
      return state;
  }
}

function isGone(state: InstanceState): boolean {
  return state.at === 'exited' && state.exit.how === 'lost';
}

const CHANGES_ADDRESSES: ReadonlySet<RuntimeEvent['type']> = new Set(['started', 'exited', 'removed', 'runtime-found']);
/** How long the last lines of a container that ended may take to arrive. */
const DRAIN_MS = 2_000;
