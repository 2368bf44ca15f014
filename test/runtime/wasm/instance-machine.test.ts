import { describe, test } from 'vitest';

import type { RestartPolicy } from '../../../src/model/project.ts';
import type { ExitStatus } from '../../../src/model/state.ts';
import { type InstanceEvent, type Phase, stateOf, transition } from '../../../src/runtime/wasm/instance-machine.ts';
import { NO_RESTARTS } from '../../../src/runtime/wasm/restart-policy.ts';

const FAILED: ExitStatus = { how: 'code', code: 1 };
const history = { attempt: 2, restarts: 5 };

const exited: Phase = { at: 'exited', exit: FAILED, since: 10 };
const backoff: Phase = { at: 'backoff', until: 500, exit: FAILED, history };

const PHASES = {
  created: { at: 'created' },
  starting: { at: 'starting', before: { at: 'created' }, history: NO_RESTARTS },
  restarting: { at: 'starting', before: backoff, history },
  running: { at: 'running', since: 10, health: 'starting', history },
  stopping: { at: 'stopping', since: 10, thenRemove: false },
  removing: { at: 'stopping', since: 10, thenRemove: true },
  backoff,
  exited,
  removed: { at: 'removed' },
} as const satisfies Readonly<Record<string, Phase>>;

const EVENTS = {
  start: { type: 'start' },
  started: { type: 'started', at: 20, health: 'none' },
  'start-failed': { type: 'start-failed', at: 20, reason: 'port taken' },
  exited: { type: 'exited', at: 20, exit: FAILED, ranMs: 50 },
  retry: { type: 'retry' },
  health: { type: 'health', health: 'healthy' },
  stop: { type: 'stop', at: 20, graceMs: 1_000 },
  remove: { type: 'remove', at: 20 },
} as const satisfies Readonly<Record<string, InstanceEvent>>;

/** Every pair; a dash is an event that changes nothing. */
const TABLE: Readonly<Record<keyof typeof PHASES, Readonly<Record<keyof typeof EVENTS, string>>>> = {
  created: {
    start: 'starting: launch',
    started: '-',
    'start-failed': '-',
    exited: '-',
    retry: '-',
    health: '-',
    stop: '-',
    remove: 'removed: leave, tell-removed',
  },
  starting: {
    start: '-',
    started: 'running: tell-started',
    'start-failed': 'created: leave',
    exited: '-',
    retry: '-',
    health: '-',
    stop: 'stopping: end',
    remove: 'stopping: end',
  },
  restarting: {
    start: '-',
    started: 'running: tell-started',
    'start-failed': 'backoff: tell-exited, wait',
    exited: '-',
    retry: '-',
    health: '-',
    stop: 'stopping: end',
    remove: 'stopping: end',
  },
  running: {
    start: '-',
    started: '-',
    'start-failed': '-',
    exited: 'backoff: tell-exited, wait',
    retry: '-',
    health: 'running: tell-health',
    stop: 'stopping: end',
    remove: 'stopping: end',
  },
  stopping: {
    start: '-',
    started: '-',
    'start-failed': 'exited: tell-exited, leave',
    exited: 'exited: tell-exited, leave',
    retry: '-',
    health: '-',
    stop: 'stopping: end',
    remove: 'stopping: end',
  },
  removing: {
    start: '-',
    started: '-',
    'start-failed': 'removed: tell-exited, leave, tell-removed',
    exited: 'removed: tell-exited, leave, tell-removed',
    retry: '-',
    health: '-',
    stop: 'stopping: end',
    remove: 'stopping: end',
  },
  backoff: {
    start: 'starting: stop-waiting, launch',
    started: '-',
    'start-failed': '-',
    exited: '-',
    retry: 'starting: launch',
    health: '-',
    stop: 'exited: stop-waiting, tell-exited, leave',
    remove: 'removed: stop-waiting, leave, tell-removed',
  },
  exited: {
    start: 'starting: launch',
    started: '-',
    'start-failed': '-',
    exited: '-',
    retry: '-',
    health: '-',
    stop: '-',
    remove: 'removed: leave, tell-removed',
  },
  removed: {
    start: '-',
    started: '-',
    'start-failed': '-',
    exited: '-',
    retry: '-',
    health: '-',
    stop: '-',
    remove: '-',
  },
};

const ALWAYS: RestartPolicy = { when: 'always' };
const NEVER: RestartPolicy = { when: 'no' };

describe('what an event does to an instance', () => {
  for (const [name, row] of Object.entries(TABLE)) {
    for (const [what, expected] of Object.entries(row)) {
      test(`${name}, ${what}: ${expected}`, ({ expect }) => {
        const phase = PHASES[name as keyof typeof PHASES];
        const step = transition(phase, EVENTS[what as keyof typeof EVENTS], ALWAYS);
        const effects = step.effects.map((effect) => effect.do).join(', ');
        expect(step.phase === phase && effects === '' ? '-' : `${step.phase.at}: ${effects}`).toBe(expected);
      });
    }
  }

  test('an end without a restart policy is for good', ({ expect }) => {
    expect(transition(PHASES.running, EVENTS.exited, NEVER)).toEqual({
      phase: { at: 'exited', exit: FAILED, since: 20 },
      effects: [{ do: 'tell-exited', exit: FAILED }, { do: 'leave' }],
    });
  });

  test('a restart that fails counts as an end, and its reason is kept', ({ expect }) => {
    const lost: ExitStatus = { how: 'lost', reason: 'port taken' };
    expect(transition(PHASES.restarting, EVENTS['start-failed'], ALWAYS)).toEqual({
      phase: { at: 'backoff', until: 420, exit: lost, history: { attempt: 3, restarts: 6 } },
      effects: [
        { do: 'tell-exited', exit: lost, restartAt: 420 },
        { do: 'wait', delayMs: 400 },
      ],
    });
  });

  test('an instance that had ended and cannot be started keeps its exit status', ({ expect }) => {
    const { phase } = transition(exited, EVENTS.start, NEVER);
    expect(transition(phase, EVENTS['start-failed'], NEVER).phase).toBe(exited);
  });

  test('the same health again is no news', ({ expect }) => {
    expect(transition(PHASES.running, { type: 'health', health: 'starting' }, NEVER).effects).toEqual([]);
  });

  test('a user who starts it again begins a new count', ({ expect }) => {
    expect(transition(backoff, EVENTS.start, ALWAYS).phase).toEqual({
      at: 'starting',
      before: backoff,
      history: NO_RESTARTS,
    });
  });

  test('removing while it is being stopped ends it now', ({ expect }) => {
    expect(transition(PHASES.stopping, EVENTS.remove, NEVER)).toEqual({
      phase: { at: 'stopping', since: 10, thenRemove: true },
      effects: [{ do: 'end', graceMs: 0 }],
    });
  });
});

describe('the state that others see', () => {
  const rows = {
    created: { at: 'created' },
    starting: { at: 'created' },
    restarting: { at: 'backoff', attempt: 2, until: 500, exit: FAILED },
    running: { at: 'running', since: 10, health: 'starting' },
    stopping: { at: 'stopping', since: 10 },
    removing: { at: 'stopping', since: 10 },
    backoff: { at: 'backoff', attempt: 2, until: 500, exit: FAILED },
    exited: { at: 'exited', exit: FAILED, since: 10 },
    removed: undefined,
  };
  for (const [name, state] of Object.entries(rows)) {
    test(name, ({ expect }) => {
      expect(stateOf(PHASES[name as keyof typeof PHASES])).toEqual(state);
    });
  }
});
