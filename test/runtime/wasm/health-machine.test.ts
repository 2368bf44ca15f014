import { describe, test } from 'vitest';

import { afterProbe, healthTimes, nextProbeMs, STARTING } from '../../../src/runtime/wasm/health-machine.ts';

const probe = { type: 'tcp', port: 80 } as const;
const times = healthTimes({ probe, intervalMs: 1_000, startPeriodMs: 5_000, startIntervalMs: 100, retries: 2 });

describe('what the result of a probe makes of health', () => {
  /** `+` good, `-` bad, at 6 s; `e` bad and early; `s` bad in the start period, at 1 s. */
  const rows: Readonly<Record<string, string>> = {
    '+': 'healthy',
    '-': 'starting',
    '--': 'unhealthy',
    '-+': 'healthy',
    '-+-': 'healthy',
    '--+': 'healthy',
    '+--': 'unhealthy',
    ssss: 'starting',
    'ss-': 'starting',
    'ss--': 'unhealthy',
    eee: 'starting',
    'e--': 'unhealthy',
    '+ss': 'unhealthy',
  };
  for (const [results, health] of Object.entries(rows)) {
    test(`${results}: ${health}`, ({ expect }) => {
      const state = results.split('').reduce((before, result) => {
        const sinceStartMs = result === 's' ? 1_000 : 6_000;
        return afterProbe(before, { ok: result === '+', sinceStartMs, isEarly: result === 'e' }, times);
      }, STARTING);
      expect(state.health).toBe(health);
    });
  }
});

describe('when the next probe comes', () => {
  test('in the start period after its interval', ({ expect }) => {
    expect(nextProbeMs(STARTING, 1_000, times)).toBe(100);
  });
  test('after the start period after the ordinary one', ({ expect }) => {
    expect(nextProbeMs(STARTING, 5_000, times)).toBe(1_000);
  });
  test('a success ends the start period', ({ expect }) => {
    const state = afterProbe(STARTING, { ok: true, sinceStartMs: 10, isEarly: false }, times);
    expect(nextProbeMs(state, 10, times)).toBe(1_000);
  });
});

test('what is not said is as the Engine has it', ({ expect }) => {
  expect(healthTimes({ probe })).toEqual({
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5_000,
    retries: 3,
  });
});
