import { HEALTHCHECK_DEFAULTS, type Healthcheck } from '../../model/project.ts';
import type { Health } from '../../model/state.ts';

/** Times of a healthcheck with the Engine's defaults. */
export interface HealthTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

export interface HealthState {
  readonly health: Exclude<Health, 'none'>;
  /** Failures in a row that count. */
  readonly failures: number;
  /** The start period is over: by time, or because a probe succeeded. */
  readonly isStarted: boolean;
}

export const STARTING: HealthState = { health: 'starting', failures: 0, isStarted: false };

export function healthTimes(check: Healthcheck): HealthTimes {
  return {
    intervalMs: check.intervalMs ?? HEALTHCHECK_DEFAULTS.intervalMs,
    timeoutMs: check.timeoutMs ?? HEALTHCHECK_DEFAULTS.timeoutMs,
    startPeriodMs: check.startPeriodMs ?? HEALTHCHECK_DEFAULTS.startPeriodMs,
    startIntervalMs: check.startIntervalMs ?? HEALTHCHECK_DEFAULTS.startIntervalMs,
    retries: Math.max(check.retries ?? HEALTHCHECK_DEFAULTS.retries, 1),
  };
}

/**
 * What a probe changes, by the Engine's rules: one success makes healthy, `retries` failures in a row make unhealthy,
 * and in the start period failures do not count until a probe has succeeded. `isEarly`: the probe came before its
 * time, because the guest had just begun to listen; such a failure never counts.
 */
export function afterProbe(
  state: HealthState,
  probe: { readonly ok: boolean; readonly sinceStartMs: number; readonly isEarly: boolean },
  times: HealthTimes,
): HealthState {
  if (probe.ok) return { health: 'healthy', failures: 0, isStarted: true };
  const isStarted = state.isStarted || probe.sinceStartMs >= times.startPeriodMs;
  if (!isStarted || probe.isEarly) return { ...state, isStarted };
  const failures = state.failures + 1;
  return { health: failures >= times.retries ? 'unhealthy' : state.health, failures, isStarted };
}

/** How long until the next probe. */
export function nextProbeMs(state: HealthState, sinceStartMs: number, times: HealthTimes): number {
  const inStartPeriod = !state.isStarted && sinceStartMs < times.startPeriodMs;
  return inStartPeriod ? times.startIntervalMs : times.intervalMs;
}
