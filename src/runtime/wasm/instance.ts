import { rmSync } from 'node:fs';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';

import type { WasmService } from '../../model/project.ts';
import type { ExitStatus, ObservedInstance, PublishedPort } from '../../model/state.ts';
import type { Attachment, ConnectVerdict, Fabric, PublishedListener } from '../../net/fabric.ts';
import { Serial } from '../../util/serial.ts';
import type { CreateRequest, RuntimeEvent } from '../runtime.ts';
import { guestRequest } from './guest-request.ts';
import { GuestRun } from './guest-run.ts';
import { HealthMonitor } from './health.ts';
import { type Effect, type InstanceEvent, type Phase, stateOf, transition } from './instance-machine.ts';
import type { Question } from './messages.ts';
import type { PreparedModule } from './modules.ts';
import { Refusals } from './refusals.ts';
import { reportTrap, startError, stoppedEarly } from './report.ts';
import type { WorkerPool } from './worker-pool.ts';

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
  readonly createdAt: number;
  readonly #parts: InstanceParts;
  readonly #refusals: Refusals;
  /** Changes of what the guest listens on reach the fabric in their order. */
  readonly #doors = new Serial();
  #phase: Phase = { at: 'created' };
  #changed = Promise.withResolvers<void>();
  #life: Life | undefined;
  #attachment: Attachment | undefined;
  #leaving: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  /** What a run got for its published ports; the next asks for the same. */
  #ports: readonly PublishedListener[] = [];

  constructor(request: CreateRequest<WasmService>, parts: InstanceParts) {
    this.request = request;
    this.#parts = parts;
    this.createdAt = parts.now();
    this.#refusals = new Refusals(request.logs);
  }

  /** Undefined when it was removed. */
  observe(): ObservedInstance | undefined {
    const state = stateOf(this.#phase);
    if (state === undefined) return undefined;
    const { id, service, index, configHash, project } = this.request;
    const address = this.#attachment?.address;
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
      ports: this.#life === undefined ? [] : this.#ports.map(toPublishedPort),
      addresses:
        address === undefined ? {} : Object.fromEntries(service.networks.map(({ network }) => [network, address])),
      createdAt: this.createdAt,
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

  /** Resolves when nothing of it runs any more. */
  async stop(graceMs: number, signal: AbortSignal): Promise<ExitStatus> {
    this.#dispatch({ type: 'stop', at: this.#parts.now(), graceMs });
    await this.#until(() => this.#phase.at !== 'stopping', signal);
    await this.#leaving;
    return this.#phase.at === 'exited' ? this.#phase.exit : { how: 'killed' };
  }

  async remove(signal: AbortSignal): Promise<void> {
    this.#dispatch({ type: 'remove', at: this.#parts.now() });
    await this.#until(() => this.#phase.at === 'removed', signal);
    await this.#leaving;
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
        void this.#launch();
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
        this.#leaving = this.#leave();
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

  async #launch(): Promise<void> {
    const life = new Life();
    this.#life = life;
    try {
      const run = await this.#run(life);
      this.#ports = await run.started;
      const from = performance.now();
      life.outcome = {};
      this.#dispatch({ type: 'started', at: this.#parts.now(), health: this.#monitor(life) });
      const exit = await run.ended;
      await this.#closeDoors(life);
      this.#life = undefined;
      this.#dispatch({ type: 'exited', at: this.#parts.now(), exit, ranMs: performance.now() - from });
    } catch (error) {
      await life.run?.ended;
      await this.#closeDoors(life);
      this.#life = undefined;
      const explained =
        this.#phase.at === 'stopping' ? stoppedEarly(this.request.service) : startError(error, this.request.service);
      life.outcome = { error: explained };
      this.#dispatch({ type: 'start-failed', at: this.#parts.now(), reason: explained.message });
    }
  }

  async #run(life: Life): Promise<GuestRun> {
    const { fabric, pool, module } = this.#parts;
    const { id, service, mounts } = this.request;
    await this.#leaving;
    this.#attachment ??= await fabric.attach(id, service, life.signal);
    life.signal.throwIfAborted();
    const attachment = this.#attachment;
    const published = this.#ports.length > 0 ? this.#ports : attachment.published;
    const request = guestRequest({ service, module, mounts, attachment, published });
    life.run = new GuestRun(pool.take(), request, {
      output: (stream, bytes) => {
        if (stream === 'system') this.request.logs.system(Buffer.from(bytes).toString());
        else this.request.logs.write(stream, bytes);
      },
      listening: (port, isPrivate, listening) => void this.#onListening(life, port, isPrivate, listening),
      answer: async (question) => await this.#answer(question, life.signal),
    });
    return life.run;
  }

  #monitor(life: Life): 'none' | 'starting' {
    const { healthcheck } = this.request.service;
    const probe = healthcheck?.probe;
    if (healthcheck === undefined || (probe?.type !== 'http' && probe?.type !== 'tcp')) return 'none';
    const monitor = new HealthMonitor({
      check: healthcheck,
      probe,
      socket: () => this.#socketPath(life, probe.port),
      onHealth: (health) => this.#dispatch({ type: 'health', health }),
      log: (text) => this.request.logs.system(text),
    });
    life.monitor = monitor;
    // After the event that it runs: nobody may hear of its health before.
    void Promise.resolve().then(async () => await monitor.run(life.signal));
    return 'starting';
  }

  async #onListening(life: Life, port: number, isPrivate: boolean, listening: boolean): Promise<void> {
    if (listening) life.listening.set(port, isPrivate);
    else life.listening.delete(port);
    if (!isPrivate) await this.#tellFabric(port, listening);
    if (listening) life.monitor?.listens(port);
    this.#parts.emit({
      type: 'ports',
      handle: this.request.id,
      id: this.request.id,
      at: this.#parts.now(),
      ports: this.#ports.map(toPublishedPort),
    });
  }

  async #tellFabric(port: number, listening: boolean): Promise<void> {
    await this.#doors.run(async () => {
      try {
        await this.#parts.fabric.setListening(this.request.id, port, listening, AbortSignal.timeout(FABRIC_MS));
      } catch (error) {
        this.request.logs.system(`port ${port}: ${messageOf(error)}`);
      }
    });
  }

  /** What a thread that was ended could not close itself. */
  async #closeDoors(life: Life): Promise<void> {
    life.close();
    const open = [...life.listening];
    life.listening.clear();
    for (const [port, isPrivate] of open) {
      const file = this.#attachment === undefined ? undefined : socketFile(this.#attachment, port, isPrivate);
      if (file !== undefined) rmSync(file, { force: true });
      if (!isPrivate) await this.#tellFabric(port, false);
    }
  }

  async #answer(question: Question, signal: AbortSignal): Promise<ConnectVerdict | readonly string[]> {
    const { fabric } = this.#parts;
    const { id } = this.request;
    if (question.what === 'resolve') return await fabric.resolve(id, question.name, signal);
    const verdict = await fabric.authorize(id, question.address, question.port, signal);
    if (verdict.to === 'refused') this.#refusals.report(verdict.reason);
    return verdict;
  }

  #socketPath(life: Life, port: number): string | undefined {
    const isPrivate = life.listening.get(port);
    if (isPrivate === undefined || this.#attachment === undefined) return undefined;
    return socketFile(this.#attachment, port, isPrivate);
  }

  async #leave(): Promise<void> {
    if (this.#attachment === undefined) return;
    this.#attachment = undefined;
    this.#ports = [];
    // What the fabric is still to hear of its ports comes first.
    await this.#doors.run(() => Promise.resolve());
    try {
      await this.#parts.fabric.detach(this.request.id, AbortSignal.timeout(FABRIC_MS));
    } catch (error) {
      this.request.logs.system(`leaving its networks: ${messageOf(error)}`);
    }
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

/** One launch, from the attempt to the end. */
class Life {
  readonly listening = new Map<number, boolean>();
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

/** The fabric may have to talk to the Engine. */
const FABRIC_MS = 30_000;

function socketFile(attachment: Attachment, port: number, isPrivate: boolean): string {
  return path.join(attachment.socketDir, isPrivate ? `lo-${port}` : String(port));
}

function toPublishedPort(listener: PublishedListener): PublishedPort {
  return { ...listener, protocol: 'tcp' };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
