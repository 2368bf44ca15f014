import { setTimeout as delay } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import { Serial } from '../../util/serial.ts';
import type { FabricEngine } from '../fabric-engine.ts';
import type { RelaySpec } from './container.ts';
import { RelayLostError, RelayRefusedError } from './relay-errors.ts';
import type { RelayStream } from './relay-stream.ts';
import { startRelay, stopRelay } from './relay.ts';
import type { Relay } from './relay.ts';

export interface KeeperOptions {
  readonly spec: RelaySpec;
  readonly engine: FabricEngine;
  /** For the user: what happens to the relay behind the instance's back. */
  readonly onNotice: (message: string) => void;
}

/** A relay that runs, and the ports it was told to listen on. */
interface Live {
  readonly relay: Relay;
  readonly announced: Set<number>;
}

/**
 * Keeps one relay container running while its instance is attached: one that dies (`docker rm -f`, a restart of the
 * Engine) is made anew with a growing pause, and listens on the same ports again.
 */
export class RelayKeeper {
  readonly #options: KeeperOptions;
  readonly #stop = new AbortController();
  readonly #wanted = new Set<number>();
  readonly #requests = new Serial();
  #live: Live | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get spec(): RelaySpec {
    return this.#options.spec;
  }

  /** The id of the running container; undefined while it is being replaced. */
  get container(): string | undefined {
    return this.#live?.relay.container;
  }

  /** Resolves when the relay serves and listens on the ports. Called once. */
  async start(ports: Iterable<number>, signal: AbortSignal): Promise<void> {
    for (const port of ports) this.#wanted.add(port);
    const relay = await startRelay(this.#options.engine, this.#options.spec, signal);
    this.#live = { relay, announced: new Set() };
    this.#watching = this.#watch(relay);
    await this.#announce(signal);
  }

  /** Resolves when containers see it so. With no relay at the moment, the next one will do it. */
  async setListening(port: number, listening: boolean, signal: AbortSignal): Promise<void> {
    if (listening) this.#wanted.add(port);
    else this.#wanted.delete(port);
    await this.#announce(signal);
  }

  /** Connects from where the relay is. Throws RelayRefusedError with the errno, RelayLostError, or the signal's reason. */
  async dial(address: string, port: number, signal: AbortSignal): Promise<RelayStream> {
    const live = this.#live;
    if (live === undefined) throw new RelayLostError('it is being started again');
    return await live.relay.channel.streams.dial(address, port, signal);
  }

  /** Resolves when the container and its names are gone. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    // First the watch: it may just be making another one.
    this.#live?.relay.channel[Symbol.dispose]();
    await this.#watching;
    if (this.#live !== undefined) await stopRelay(this.#options.engine, this.#live.relay, signal);
    this.#live = undefined;
  }

  async #announce(signal: AbortSignal): Promise<void> {
    await this.#requests.run(async () => {
      const live = this.#live;
      if (live === undefined) return;
      try {
        await this.#tell(live, signal);
      } catch (error) {
        // The watch makes another relay, which is told of all ports.
        if (error instanceof RelayLostError) return;
        if (!(error instanceof RelayRefusedError)) throw error;
        const { service, index } = this.spec;
        throw new WcError(
          'ERR_NETWORK',
          `containers cannot connect to ${service}#${index}: its relay says ${error.errno}`,
          {
            cause: error,
          },
        );
      }
    });
  }

  async #tell({ relay, announced }: Live, signal: AbortSignal): Promise<void> {
    for (const port of announced) {
      if (this.#wanted.has(port)) continue;
      await relay.channel.unlisten(port, signal);
      announced.delete(port);
    }
    for (const port of this.#wanted) {
      if (announced.has(port)) continue;
      await relay.channel.listen(port, signal);
      announced.add(port);
    }
  }

  async #watch(first: Relay): Promise<void> {
    const { onNotice } = this.#options;
    let relay: Relay | undefined = first;
    let pauseMs = 0;
    while (relay !== undefined && !this.#stop.signal.aborted) {
      const startedAt = performance.now();
      const reason = await relay.channel.ended;
      if (this.#stop.signal.aborted) return;
      this.#live = undefined;
      onNotice(`${this.#who} ended (${reason}); starting it again`);
      // One that never lives long is started ever more rarely.
      pauseMs = performance.now() - startedAt > STEADY_MS ? 0 : longer(pauseMs);
      ({ relay, pauseMs } = await this.#restart(relay, pauseMs));
    }
  }

  /** Tries until it works; no relay when the keeper was stopped. */
  async #restart(old: Relay, firstPauseMs: number): Promise<{ relay: Relay | undefined; pauseMs: number }> {
    const { engine, spec, onNotice } = this.#options;
    const { signal } = this.#stop;
    let pauseMs = firstPauseMs;
    let told = '';
    while (!signal.aborted) {
      try {
        await delay(pauseMs, undefined, { signal });
        await engine.removeContainer(old.container, signal);
        const relay = await startRelay(engine, spec, signal);
        this.#live = { relay, announced: new Set() };
        onNotice(`${this.#who} runs again`);
        await this.#announce(signal).catch((error: unknown) => onNotice(text(error)));
        return { relay, pauseMs };
      } catch (error) {
        if (signal.aborted) break;
        if (text(error) !== told) onNotice(`${this.#who} cannot be started: ${text(error)}`);
        told = text(error);
        pauseMs = longer(pauseMs);
      }
    }
    return { relay: undefined, pauseMs };
  }

  get #who(): string {
    return `the relay of ${this.spec.service}#${this.spec.index}`;
  }
}

function longer(pauseMs: number): number {
  return Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), MAX_PAUSE_MS);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One that ran so long is replaced at once. */
const STEADY_MS = 10_000;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 10_000;
