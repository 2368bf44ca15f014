import { describe, test } from 'vitest';

import type { RestartPolicy } from '../../../src/model/project.ts';
import type { ExitStatus } from '../../../src/model/state.ts';
import { nextRestart, NO_RESTARTS } from '../../../src/runtime/wasm/restart-policy.ts';

const OK: ExitStatus = { how: 'code', code: 0 };
const FAILED: ExitStatus = { how: 'code', code: 1 };
const TRAP: ExitStatus = { how: 'trap', message: 'unreachable', backtrace: [] };
const LOST: ExitStatus = { how: 'lost', reason: 'its thread ended' };

describe('which ends are followed by a restart', () => {
  const rows: readonly (readonly [string, RestartPolicy, ExitStatus, number, boolean])[] = [
    ['no, failed', { when: 'no' }, FAILED, 0, false],
    ['always, succeeded', { when: 'always' }, OK, 0, true],
    ['always, failed', { when: 'always' }, FAILED, 100, true],
    ['unless-stopped, succeeded', { when: 'unless-stopped' }, OK, 0, true],
    ['on-failure, succeeded', { when: 'on-failure' }, OK, 0, false],
    ['on-failure, failed', { when: 'on-failure' }, FAILED, 100, true],
    ['on-failure, trapped', { when: 'on-failure' }, TRAP, 0, true],
    ['on-failure, lost', { when: 'on-failure' }, LOST, 0, true],
    ['on-failure:3 with 2 restarts', { when: 'on-failure', maxRetries: 3 }, FAILED, 2, true],
    ['on-failure:3 with 3 restarts', { when: 'on-failure', maxRetries: 3 }, FAILED, 3, false],
    ['on-failure:0 is without a limit', { when: 'on-failure', maxRetries: 0 }, FAILED, 100, true],
  ];
  for (const [name, policy, exit, restarts, restarted] of rows) {
    test(`${name}: ${restarted ? 'yes' : 'no'}`, ({ expect }) => {
      expect(nextRestart(policy, exit, { attempt: restarts, restarts }, 50) !== undefined).toBe(restarted);
    });
  }
});

describe('how long it waits', () => {
  test('100 ms, doubling to a minute', ({ expect }) => {
    const delays: number[] = [];
    let history = NO_RESTARTS;
    for (let i = 0; i < 12; i++) {
      const next = nextRestart({ when: 'always' }, FAILED, history, 50);
      delays.push(next?.delayMs ?? 0);
      history = next?.history ?? history;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    expect(history).toEqual({ attempt: 12, restarts: 12 });
  });

  test('from the beginning again after ten seconds up; the restarts still count', ({ expect }) => {
    expect(nextRestart({ when: 'always' }, FAILED, { attempt: 9, restarts: 9 }, 10_000)).toEqual({
      delayMs: 100,
      history: { attempt: 1, restarts: 10 },
    });
  });
});
