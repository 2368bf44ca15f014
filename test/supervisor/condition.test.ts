import { describe, test } from 'vitest';

import type { AwaitCondition } from '../../src/model/plan.ts';
import type { InstanceState } from '../../src/model/state.ts';
import { evaluate } from '../../src/supervisor/condition.ts';

const ok = { how: 'code', code: 0 } as const;
const bad = { how: 'code', code: 3 } as const;

const STATES: Readonly<Record<string, InstanceState | undefined>> = {
  gone: undefined,
  created: { at: 'created' },
  running: { at: 'running', health: 'none', since: 0 },
  starting: { at: 'running', health: 'starting', since: 0 },
  healthy: { at: 'running', health: 'healthy', since: 0 },
  unhealthy: { at: 'running', health: 'unhealthy', since: 0 },
  stopping: { at: 'stopping', since: 0 },
  'ended well': { at: 'exited', exit: ok, since: 0 },
  'ended badly': { at: 'exited', exit: bad, since: 0 },
  'first restart': { at: 'backoff', attempt: 1, until: 0, exit: bad },
  'tenth restart': { at: 'backoff', attempt: 10, until: 0, exit: bad },
};
const CONDITIONS: readonly AwaitCondition[] = ['started', 'healthy', 'completed', 'ready'];

describe('does a state meet a condition', () => {
  test('every state and every condition', ({ expect }) => {
    const table = Object.entries(STATES).map(([name, state]) => {
      const cells = CONDITIONS.map((condition) => {
        const verdict = evaluate(state, condition);
        return verdict.is === 'failed' ? `no (${verdict.reason})` : verdict.is;
      });
      return `${name}: ${cells.join(' | ')}`;
    });
    expect(table.join('\n')).toMatchInlineSnapshot(`
      "gone: no (is gone) | no (is gone) | no (is gone) | no (is gone)
      created: waiting | waiting | waiting | waiting
      running: met | no (has no healthcheck) | waiting | met
      starting: met | waiting | waiting | waiting
      healthy: met | met | waiting | met
      unhealthy: met | no (is unhealthy) | waiting | no (is unhealthy)
      stopping: waiting | waiting | waiting | waiting
      ended well: met | no (exited with code 0) | met | met
      ended badly: met | no (exited with code 3) | no (exited with code 3) | no (exited with code 3)
      first restart: met | waiting | waiting | waiting
      tenth restart: met | no (keeps restarting (exited with code 3)) | no (keeps restarting (exited with code 3)) | no (keeps restarting (exited with code 3))"
    `);
  });
});
