import { setTimeout as delay } from 'node:timers/promises';

import type { Healthcheck } from '../../model/project.ts';
import type { Health } from '../../model/state.ts';
import { afterProbe, healthTimes, nextProbeMs, STARTING } from './health-machine.ts';
import { type NetworkProbe, probeGuest, type ProbeResult } from './probe.ts';

export interface HealthSources {
  readonly check: Healthcheck;
  readonly probe: NetworkProbe;
  /** The unix socket of the probed port; undefined while the guest does not listen there. */
  readonly socket: () => string | undefined;
  readonly onHealth: (health: Health) => void;
  /** A line for the service's log. */
  readonly log: (text: string) => void;
}

/** The healthcheck of one run of a guest. Ends with its signal. */
export class HealthMonitor {
  readonly #sources: HealthSources;
  #listens: (() => void) | undefined;

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** The guest listens on one more port: if it is the probed one, there is no need to wait for the next probe. */
  listens(port: number): void {
    if (port === this.#sources.probe.port) this.#listens?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { check, onHealth, log } = this.#sources;
    const times = healthTimes(check);
    const from = performance.now();
    let state = STARTING;
    // A guest may listen before its monitor runs.
    let isEarly = this.#sources.socket() !== undefined || (await this.#pause(nextProbeMs(state, 0, times), signal));
    while (!signal.aborted) {
      const result = await this.#ask(times.timeoutMs, signal);
      if (signal.aborted) return;
      const before = state;
      const sinceStartMs = performance.now() - from;
      state = afterProbe(state, { ok: result.ok, sinceStartMs, isEarly }, times);
      if (state.health !== before.health) {
        if (state.health === 'unhealthy') log(`unhealthy: ${result.output}`);
        onHealth(state.health);
      }
      isEarly = await this.#pause(nextProbeMs(state, sinceStartMs, times), signal);
    }
  }

  async #ask(timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    const path = this.#sources.socket();
    const { probe } = this.#sources;
    if (path === undefined) return { ok: false, output: `it does not listen on port ${probe.port}` };
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await probeGuest(path, probe, AbortSignal.any([signal, timeout]));
    } catch {
      // Aborted: by the time-out, or because the run has ended and the result does not matter.
      return { ok: false, output: `no answer within ${timeoutMs / 1000} s` };
    }
  }

  /** True when it was cut short because the guest began to listen. */
  async #pause(ms: number, signal: AbortSignal): Promise<boolean> {
    const early = new AbortController();
    this.#listens = () => early.abort();
    try {
      await delay(ms, undefined, { signal: AbortSignal.any([signal, early.signal]) });
      return false;
    } catch {
      // AbortError: one of the two signals.
      return early.signal.aborted;
    } finally {
      this.#listens = undefined;
    }
  }
}
