import { clearTimeout, setTimeout } from 'node:timers';

import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { ExitStatus, ObservedInstance } from '../../model/state.ts';
import type { Fabric } from '../../net/fabric.ts';
import type { CreateRequest, RuntimeEvent } from '../runtime.ts';
import type { InstanceUsage } from '../usage.ts';
import type { InstanceInput } from '../wasm-runtime.ts';
import { guestRequest } from './guest-request.ts';
import { GuestRun } from './guest-run.ts';
import { HealthMonitor } from './health.ts';
import { type Effect, type InstanceEvent, type Phase, stateOf, transition } from './instance-machine.ts';
import type { PreparedModule } from './modules.ts';
import { Presence } from './presence.ts';
import { reportTrap, startError, stoppedEarly } from './report.ts';
import { HELD_MS } from './watchdog.ts';
import type { WorkerPool } from './worker-pool.ts';

/** What a module can address. */
const MEMORY_LIMIT_BYTES = 2 ** 32;

export interface InstanceParts {
  readonly fabric: Fabric;
  readonly pool: WorkerPool;
  readonly module: PreparedModule;
  readonly emit: (event: RuntimeEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** One instance and its only owner: every event goes through `transition`, every effect is done here. */
export class WasmInstance {
  readonly request: CreateRequest<WasmService>;
  readonly #createdAt: number;
  readonly #parts: InstanceParts;
  readonly #presence: Presence;
  #phase: Phase = { at: 'created' };
  #changed = Promise.withResolvers<void>();
  #life: Life | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** It has held a thread that it shared: it gets no other. */
  #holdsThreads = false;

  constructor(request: CreateRequest<WasmService>, parts: InstanceParts) {
    const { id, service, logs } = request;
    this.request = request;
    this.#parts = parts;
    this.#createdAt = parts.now();
    this.#presence = new Presence({ id, service, logs, fabric: parts.fabric });
  }

  /** Undefined when it was removed. */
  observe(): ObservedInstance | undefined {
    const state = stateOf(this.#phase);
    if (state === undefined) return undefined;
    const { id, service, index, configHash, project } = this.request;
    return {
      id,
      service: service.name,
      index,
      kind: 'wasm',
      handle: id,
      name: service.containerName ?? `${project}-${service.name}-${index}`,
      image: service.module.from === 'file' ? service.module.path : '',
      configHash,
      state,
      ports: this.#life === undefined ? [] : this.#presence.ports,
      addresses: this.#presence.addresses,
      createdAt: this.#createdAt,
      restarts: 'history' in this.#phase ? this.#phase.history.restarts : 0,
    };
  }

  /** Resolves when it runs; rejects when it could not be started. The signal ends only the waiting. */
  async start(signal: AbortSignal): Promise<void> {
    while (this.#phase.at === 'stopping') await this.#until(() => this.#phase.at !== 'stopping', signal);
    this.#dispatch({ type: 'start' });
    const life = this.#life;
    if (life === undefined) return;
    await this.#until(() => life.outcome !== undefined, signal);
    if (life.outcome?.error !== undefined) throw life.outcome.error;
  }

  /** Undefined when it does not run. */
  async usage(): Promise<InstanceUsage | undefined> {
    if (this.#phase.at !== 'running') return undefined;
    const usage = await this.#life?.run?.usage();
    return usage === undefined
      ? undefined
      : { ...usage, memoryLimitBytes: this.request.service.memoryBytes ?? MEMORY_LIMIT_BYTES };
  }

  /** Resolves when nothing of it runs any more. */
  async stop(graceMs: number, signal: AbortSignal): Promise<ExitStatus> {
    this.#dispatch({ type: 'stop', at: this.#parts.now(), graceMs });
    await this.#until(() => this.#phase.at !== 'stopping', signal);
    await this.#presence.leave();
    return this.#phase.at === 'exited' ? this.#phase.exit : { how: 'killed' };
  }

  /** ERR_USAGE: it does not run, or its input is not open. */
  input(): InstanceInput {
    const { service } = this.request;
    const input = this.#life?.run?.input;
    if (input !== undefined) return input;
    const isOpen = service.stdinOpen === true;
    throw new WcError('ERR_USAGE', `${service.name}: ${isOpen ? 'it does not run' : 'its standard input is empty'}`, {
      source: service.source,
      hint: isOpen ? undefined : 'set `stdin_open: true` for the service',
    });
  }

  async remove(signal: AbortSignal): Promise<void> {
    this.#dispatch({ type: 'remove', at: this.#parts.now() });
    await this.#until(() => this.#phase.at === 'removed', signal);
    await this.#presence.leave();
  }

  #dispatch(event: InstanceEvent): void {
    const { phase, effects } = transition(this.#phase, event, this.request.service.restart);
    this.#phase = phase;
    for (const effect of effects) this.#do(effect);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #do(effect: Effect): void {
    const about = { handle: this.request.id, id: this.request.id, at: this.#parts.now() };
    switch (effect.do) {
      case 'launch':
        this.#life = new Life();
        void this.#launch(this.#life);
        return;
      case 'end':
        this.#life?.end(effect.graceMs);
        return;
      case 'wait':
        this.#parts.pool.warm();
        this.#retry = setTimeout(() => this.#dispatch({ type: 'retry' }), effect.delayMs);
        return;
      case 'stop-waiting':
        clearTimeout(this.#retry);
        return;
      case 'leave':
        void this.#presence.leave();
        return;
      case 'tell-started':
        this.#parts.emit({ type: 'started', ...about });
        return;
      case 'tell-exited':
        reportTrap(effect.exit, this.request.logs);
        this.#parts.emit({ type: 'exited', ...about, exit: effect.exit, restartAt: effect.restartAt });
        return;
      case 'tell-health':
        this.#parts.emit({ type: 'health', ...about, health: effect.health });
        return;
      case 'tell-removed':
        this.#parts.emit({ type: 'removed', ...about });
        return;
    }
  }

  /** Runs the guest once, from the attempt to the end. */
  async #launch(life: Life): Promise<void> {
    const { service } = this.request;
    try {
      const run = await this.#run(life);
      this.#presence.publish(await run.started);
      const from = performance.now();
      life.outcome = {};
      const monitor = this.#monitor(life);
      this.#dispatch({ type: 'started', at: this.#parts.now(), health: monitor === undefined ? 'none' : 'starting' });
      const watching = monitor?.run(life.signal);
      const exit = await run.ended;
      await this.#close(life, watching);
      const ranMs = performance.now() - from;
      this.#dispatch({ type: 'exited', at: this.#parts.now(), exit, ranMs, isDisplaced: run.isDisplaced });
    } catch (error) {
      await life.run?.ended;
      await this.#close(life, undefined);
      this.#presence.publish([]);
      const explained = this.#phase.at === 'stopping' ? stoppedEarly(service) : startError(error, service);
      life.outcome = { error: explained };
      this.#dispatch({ type: 'start-failed', at: this.#parts.now(), reason: explained.message });
    }
  }

  async #run(life: Life): Promise<GuestRun> {
    const { pool, module } = this.#parts;
    const { service, mounts, logs } = this.request;
    const { attachment, wanted } = await this.#presence.join(life.signal);
    const request = guestRequest({ service, module, mounts, attachment, published: wanted });
    life.run = new GuestRun(pool.take(this.#holdsThreads ? { ...service, isolation: 'worker' } : service), request, {
      output: (stream, bytes) => {
        if (stream === 'system') logs.system(Buffer.from(bytes).toString());
        else logs.write(stream, bytes);
      },
      held: () => {
        this.#holdsThreads = true;
        logs.flush();
        logs.system(
          `it computed for ${HELD_MS / 1000} s without a pause and held up the services that share its thread`,
        );
        logs.system(
          'it is ended, and started again in a thread of its own; x-wasm: {isolation: worker} is that from the start',
        );
      },
      listening: (port, isPrivate, listening) => void this.#listen(life, port, isPrivate, listening),
      datagrams: (port, door) => this.#presence.datagrams(port, door),
      answer: async (question) => await this.#presence.answer(question, life.signal),
    });
    return life.run;
  }

  #monitor(life: Life): HealthMonitor | undefined {
    const { service, logs } = this.request;
    const { healthcheck } = service;
    const probe = healthcheck?.probe;
    if (healthcheck === undefined || (probe?.type !== 'http' && probe?.type !== 'tcp')) return undefined;
    life.monitor = new HealthMonitor({
      check: healthcheck,
      probe,
      socket: () => this.#presence.socketOf(probe.port),
      onHealth: (health) => this.#dispatch({ type: 'health', health }),
      log: (text) => logs.system(text),
    });
    return life.monitor;
  }

  async #listen(life: Life, port: number, isPrivate: boolean, listening: boolean): Promise<void> {
    await this.#presence.listen(port, isPrivate, listening);
    if (listening) life.monitor?.listens(port);
    const { id } = this.request;
    this.#parts.emit({ type: 'ports', handle: id, id, at: this.#parts.now(), ports: this.#presence.ports });
  }

  async #close(life: Life, watching: Promise<void> | undefined): Promise<void> {
    life.close();
    await watching;
    await this.#presence.endRun();
    this.#life = undefined;
  }

  async #until(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!isTrue()) await Promise.race([this.#changed.promise, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** One run of the guest, with all that ends with it. */
class Life {
  run: GuestRun | undefined;
  monitor: HealthMonitor | undefined;
  /** Whether it came to run; undefined while that is open. */
  outcome: { readonly error?: Error } | undefined;
  readonly #over = new AbortController();

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  end(graceMs: number): void {
    if (this.run === undefined) this.#over.abort();
    else this.run.stop(graceMs);
  }

  close(): void {
    this.#over.abort();
  }
}
