import { clearTimeout, setTimeout } from 'node:timers';

import { WcError } from '../../src/model/diagnostic.ts';
import type { ProjectName } from '../../src/model/ids.ts';
import type { Service } from '../../src/model/project.ts';
import type { ExitStatus, ObservedInstance } from '../../src/model/state.ts';
import type { CreateRequest, Runtime, RuntimeEvent } from '../../src/runtime/runtime.ts';
import {
  type Effect,
  type InstanceEvent,
  type Phase,
  stateOf,
  transition,
} from '../../src/runtime/wasm/instance-machine.ts';
import type { InstanceUsage } from '../../src/runtime/usage.ts';
import { AsyncQueue } from '../../src/util/async-queue.ts';
import { Broadcast } from '../../src/util/broadcast.ts';

/** What an instance of the fake does: it ends when this resolves, or by force when the signal says so. */
export type FakeProgram<S extends Service> = (request: CreateRequest<S>, signal: AbortSignal) => Promise<ExitStatus>;

export interface FakeRuntimeOptions<S extends Service> {
  readonly kind: S['kind'];
  readonly program: FakeProgram<S>;
  /** What `prepare` does; by default nothing. */
  readonly prepare?: (service: S) => Promise<void>;
  /** The service's healthcheck, as if it had been run. */
  readonly health?: (request: CreateRequest<S>) => 'none' | 'starting' | 'healthy';
}

/**
 * A runtime whose instances are functions of the test's own process. The contract suite holds it to the same
 * behaviour as the real ones.
 */
export class FakeRuntime<S extends Service> implements Runtime<S> {
  readonly kind: S['kind'];
  /** What was asked of it: `prepare web`, `create web#1`, ... */
  readonly calls: string[] = [];
  readonly #options: FakeRuntimeOptions<S>;
  readonly #instances = new Map<string, FakeInstance<S>>();
  readonly #happened = new Broadcast<{ readonly project: ProjectName; readonly event: RuntimeEvent }>();

  constructor(options: FakeRuntimeOptions<S>) {
    this.kind = options.kind;
    this.#options = options;
  }

  async observe(project: ProjectName): Promise<readonly ObservedInstance[]> {
    return [...this.#instances.values()]
      .filter((instance) => instance.request.project === project)
      .flatMap((instance) => instance.observe() ?? []);
  }

  async usage(handle: string): Promise<InstanceUsage | undefined> {
    const at = this.#instances.get(handle)?.observe()?.state.at;
    return at === 'running'
      ? { memoryBytes: 65_536, memoryLimitBytes: 1 << 20, cpu: { atMs: 0, usedMs: 0 } }
      : undefined;
  }

  async prepare(service: S): Promise<void> {
    this.calls.push(`prepare ${service.name}`);
    await this.#options.prepare?.(service);
  }

  async create(request: CreateRequest<S>): Promise<string> {
    this.calls.push(`create ${request.id}`);
    if (this.#instances.has(request.id)) throw new WcError('ERR_NAME_TAKEN', `${request.id} exists`);
    const emit = (event: RuntimeEvent): void => this.#happened.emit({ project: request.project, event });
    this.#instances.set(request.id, new FakeInstance(request, this.#options, emit));
    return request.id;
  }

  async start(handle: string): Promise<void> {
    this.calls.push(`start ${handle}`);
    this.#find(handle).take({ type: 'start' });
  }

  async stop(handle: string, graceMs: number): Promise<ExitStatus> {
    this.calls.push(`stop ${handle}`);
    const instance = this.#find(handle);
    instance.take({ type: 'stop', at: Date.now(), graceMs });
    return await instance.rest();
  }

  async remove(handle: string): Promise<void> {
    this.calls.push(`remove ${handle}`);
    const instance = this.#instances.get(handle);
    if (instance === undefined) return;
    instance.take({ type: 'remove', at: Date.now() });
    await instance.rest();
    this.#instances.delete(handle);
  }

  events(project: ProjectName, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const queue = new AsyncQueue<RuntimeEvent>(signal);
    const subscription = this.#happened.subscribe((what) => {
      if (what.project === project) queue.push(what.event);
    });
    signal.addEventListener('abort', () => subscription[Symbol.dispose](), { once: true });
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#instances.keys()) await this.remove(handle);
  }

  #find(handle: string): FakeInstance<S> {
    const instance = this.#instances.get(handle);
    if (instance === undefined) throw new WcError('ERR_INTERNAL', `no instance ${handle}`);
    return instance;
  }
}

class FakeInstance<S extends Service> {
  readonly request: CreateRequest<S>;
  readonly #options: FakeRuntimeOptions<S>;
  readonly #emit: (event: RuntimeEvent) => void;
  #phase: Phase = { at: 'created' };
  #run: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(request: CreateRequest<S>, options: FakeRuntimeOptions<S>, emit: (event: RuntimeEvent) => void) {
    this.request = request;
    this.#options = options;
    this.#emit = emit;
  }

  observe(): ObservedInstance | undefined {
    const state = stateOf(this.#phase);
    if (state === undefined) return undefined;
    const { id, service, index, configHash, project } = this.request;
    return {
      id,
      service: service.name,
      index,
      kind: service.kind,
      handle: id,
      name: `${project}-${service.name}-${index}`,
      image: service.kind === 'container' ? service.image : '',
      configHash,
      state,
      ports: [],
      addresses: {},
      createdAt: 0,
      restarts: 'history' in this.#phase ? this.#phase.history.restarts : 0,
    };
  }

  take(event: InstanceEvent): void {
    const { phase, effects } = transition(this.#phase, event, this.request.service.restart);
    this.#phase = phase;
    for (const effect of effects) this.#do(effect);
  }

  async rest(): Promise<ExitStatus> {
    await this.#run?.done;
    return this.#phase.at === 'exited' ? this.#phase.exit : { how: 'killed' };
  }

  #do(effect: Effect): void {
    const about = { handle: this.request.id, id: this.request.id, at: Date.now() };
    switch (effect.do) {
      case 'launch': {
        const stop = new AbortController();
        this.take({ type: 'started', at: Date.now(), health: this.#options.health?.(this.request) ?? 'none' });
        this.#run = { stop, done: this.#execute(stop.signal) };
        return;
      }
      case 'end':
        this.#run?.stop.abort();
        return;
      case 'wait':
        this.#retry = setTimeout(() => this.take({ type: 'retry' }), effect.delayMs);
        return;
      case 'stop-waiting':
        clearTimeout(this.#retry);
        return;
      case 'leave':
        return;
      case 'tell-started':
        this.#emit({ type: 'started', ...about });
        return;
      case 'tell-exited':
        this.#emit({ type: 'exited', ...about, exit: effect.exit, restartAt: effect.restartAt });
        return;
      case 'tell-health':
        this.#emit({ type: 'health', ...about, health: effect.health });
        return;
      case 'tell-removed':
        this.#emit({ type: 'removed', ...about });
        return;
    }
  }

  async #execute(signal: AbortSignal): Promise<void> {
    const from = performance.now();
    const { promise: killed, resolve } = Promise.withResolvers<ExitStatus>();
    signal.addEventListener('abort', () => resolve({ how: 'killed' }), { once: true });
    const exit = await Promise.race([this.#options.program(this.request, signal), killed]);
    this.#run = undefined;
    this.take({ type: 'exited', at: Date.now(), exit, ranMs: performance.now() - from });
  }
}
