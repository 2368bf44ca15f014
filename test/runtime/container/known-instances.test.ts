import { describe, test } from 'vitest';

import { instanceId } from '../../../src/model/ids.ts';
import type { ExitStatus, InstanceState, ObservedInstance } from '../../../src/model/state.ts';
import { KnownInstances } from '../../../src/runtime/container/known-instances.ts';
import type { RuntimeEvent } from '../../../src/runtime/runtime.ts';
import { container, seen } from '../../plan/fixtures.ts';

const id = instanceId('web', 1);
const exit: ExitStatus = { how: 'code', code: 3 };
const common = { handle: 'c1', id, at: 1 } as const;

const EVENTS = {
  started: { type: 'started', ...common },
  ended: { type: 'exited', ...common, exit },
  restarting: { type: 'exited', ...common, exit, restartAt: 9 },
  healthy: { type: 'health', ...common, health: 'healthy' },
  unhealthy: { type: 'health', ...common, health: 'unhealthy' },
  removed: { type: 'removed', ...common },
} as const satisfies Readonly<Record<string, RuntimeEvent>>;

const STATES = {
  created: { at: 'created' },
  running: { at: 'running', health: 'none', since: 0 },
  healthy: { at: 'running', health: 'healthy', since: 0 },
  exited: { at: 'exited', exit, since: 0 },
  backoff: { at: 'backoff', attempt: 1, until: 9, exit },
} as const satisfies Readonly<Record<string, InstanceState>>;

function list(state: keyof typeof STATES | 'gone'): readonly ObservedInstance[] {
  return state === 'gone' ? [] : [seen(container('web'), { handle: 'c1', state: STATES[state] })];
}

type EventName = keyof typeof EVENTS;

/** Which of the events are passed on. */
function passed(known: KnownInstances, events: readonly EventName[]): readonly EventName[] {
  return events.filter((name) => known.take(EVENTS[name]));
}

describe('events that were told already', () => {
  const cases: readonly (readonly [string, readonly EventName[], readonly EventName[]])[] = [
    ['a life', ['started', 'healthy', 'ended', 'removed'], ['started', 'healthy', 'ended', 'removed']],
    ['a restart', ['started', 'restarting', 'started'], ['started', 'restarting', 'started']],
    ['a crash loop', ['started', 'restarting', 'restarting'], ['started', 'restarting']],
    ['stopped while it waits for its restart', ['started', 'restarting', 'ended'], ['started', 'restarting', 'ended']],
    ['an end that is told twice', ['started', 'ended', 'ended'], ['started', 'ended']],
    ['a start that is told twice', ['started', 'started'], ['started']],
    [
      'health that does not change',
      ['started', 'healthy', 'healthy', 'unhealthy'],
      ['started', 'healthy', 'unhealthy'],
    ],
    [
      'health after a restart',
      ['started', 'healthy', 'restarting', 'started', 'healthy'],
      ['started', 'healthy', 'restarting', 'started', 'healthy'],
    ],
  ];
  for (const [what, events, expected] of cases) {
    test(what, ({ expect }) => {
      expect(passed(new KnownInstances(), events)).toEqual(expected);
    });
  }

  test('after the first list, which tells nobody anything, all that comes is news', ({ expect }) => {
    const known = new KnownInstances();
    known.begin(list('running'));
    expect(passed(known, ['started', 'started', 'ended'])).toEqual(['started', 'ended']);
  });

  test('after a list whose differences were told, the same events in the stream are not', ({ expect }) => {
    const known = new KnownInstances();
    known.begin(list('running'));
    expect(known.catchUp(list('exited'))).toHaveLength(1);
    expect(passed(known, ['ended'])).toEqual([]);
  });
});

describe('what happened while nobody listened', () => {
  const cases: readonly (readonly [keyof typeof STATES | 'gone', keyof typeof STATES | 'gone', readonly object[]])[] = [
    ['created', 'running', [{ type: 'started' }]],
    ['created', 'exited', []],
    ['created', 'gone', [{ type: 'removed' }]],
    ['running', 'running', []],
    ['running', 'healthy', [{ type: 'health', health: 'healthy' }]],
    ['running', 'exited', [{ type: 'exited', exit }]],
    ['running', 'backoff', [{ type: 'exited', exit, restartAt: 9 }]],
    ['running', 'gone', [{ type: 'removed' }]],
    ['exited', 'exited', []],
    ['exited', 'running', [{ type: 'started' }]],
    ['exited', 'healthy', [{ type: 'started' }, { type: 'health', health: 'healthy' }]],
    ['backoff', 'backoff', []],
    ['backoff', 'running', [{ type: 'started' }]],
    ['backoff', 'exited', [{ type: 'exited', exit }]],
    ['gone', 'running', [{ type: 'started' }]],
    ['gone', 'exited', []],
    ['gone', 'backoff', []],
  ];
  for (const [before, now, expected] of cases) {
    test(`${before}, then ${now}`, ({ expect }) => {
      const known = new KnownInstances();
      known.begin(list(before));
      expect(known.catchUp(list(now))).toEqual(expected.map((one) => expect.objectContaining(one)));
      expect(known.catchUp(list(now))).toEqual([]);
    });
  }

  test('what the events have told is no difference', ({ expect }) => {
    const known = new KnownInstances();
    known.begin(list('running'));
    known.take(EVENTS.ended);
    expect(known.catchUp(list('exited'))).toEqual([]);
  });

  test('how a container ended is known only while it waits for its restart', ({ expect }) => {
    const known = new KnownInstances();
    known.take(EVENTS.restarting);
    expect(known.exitInBackoff('c1')).toEqual(exit);
    known.take(EVENTS.ended);
    expect(known.exitInBackoff('c1')).toBeUndefined();
  });
});
