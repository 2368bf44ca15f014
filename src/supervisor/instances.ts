import type { LogHub } from '../logs/hub.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import { isUp } from '../model/state.ts';
import type { ExitStatus, ObservedInstance } from '../model/state.ts';
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts';
import { Broadcast } from '../util/broadcast.ts';
import { describeExit } from './condition.ts';
import type { EngineSide } from './engine-access.ts';
import type { LogFollowers } from './log-followers.ts';

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

  removed(id: InstanceId): void {
    this.#known.delete(id);
    this.#running.delete(id);
    this.#hub.forget(id);
    this.changes.emit(id);
  }

  /** Follows a runtime's events until the signal ends. */
  async listen(runtime: Runtime, engine: EngineSide | undefined, signal: AbortSignal): Promise<void> {
    for await (const event of runtime.events(this.#project, signal)) {
      if (engine !== undefined && CHANGES_ADDRESSES.has(event.type)) this.addressChanges.emit();
      await this.#take(event, runtime, engine, signal);
    }
  }

  async #take(
    event: RuntimeEvent,
    runtime: Runtime,
    engine: EngineSide | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    switch (event.type) {
      case 'started':
        this.#running.add(event.id);
        if (engine !== undefined) this.#followers.follow(engine, event.handle, event.id);
        this.changes.emit(event.id);
        return;
      case 'exited':
        this.changes.emit(event.id);
        await this.#exited(event, runtime, signal);
        return;
      case 'health':
      case 'ports':
        this.changes.emit(event.id);
        return;
      case 'removed':
        this.#running.delete(event.id);
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

  async #exited(
    event: Extract<RuntimeEvent, { type: 'exited' }>,
    runtime: Runtime,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#followers.drained(event.handle, AbortSignal.any([signal, AbortSignal.timeout(DRAIN_MS)]));
    const restarting = event.restartAt !== undefined || (await this.#isRestarting(event, runtime, signal));
    if (!restarting) this.#running.delete(event.id);
    const sink = this.#hub.sink(event.id);
    sink.flush();
    sink.system(`${describeExit(event.exit)}${restarting ? ' (restarting)' : ''}`);
    const name = this.#known.get(event.id)?.name ?? event.id;
    this.exits.emit({ id: event.id, name, exit: event.exit, restarting, running: this.#running.size });
  }

  /** The Engine says nothing of its plans in the event; the container's state does. */
  async #isRestarting(event: { readonly id: InstanceId }, runtime: Runtime, signal: AbortSignal): Promise<boolean> {
    try {
      const state = (await runtime.observe(this.#project, signal)).find((one) => one.id === event.id)?.state;
      return state?.at === 'backoff' || state?.at === 'running';
    } catch {
      // ERR_ENGINE_UNREACHABLE: the container's end is all that is known.
      return false;
    }
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

const CHANGES_ADDRESSES: ReadonlySet<RuntimeEvent['type']> = new Set(['started', 'exited', 'removed', 'runtime-found']);
/** How long the last lines of a container that ended may take to arrive. */
const DRAIN_MS = 2_000;
