import type { RestartPolicy } from '../../model/project.ts';
import type { ExitStatus, Health, InstanceState } from '../../model/state.ts';
import { nextRestart, NO_RESTARTS, type RestartHistory } from './restart-policy.ts';

/*
 * The life of one instance:
 *
 *     created --start--> starting --started--> running --exited--> exited --start--> starting
 *                           |                    |  \                ^
 *                           |                    |   exited, policy  |
 *                           |                    |     \-> backoff --retry--> starting
 *                           +--------stop--------+--> stopping --exited--^
 *
 * A start that fails leaves a created or exited instance what it was, as the Engine does; in a restart by the policy
 * it counts as an end. `remove` leads to removed, through stopping when something runs.
 */
export type Phase =
  | { readonly at: 'created' }
  | { readonly at: 'starting'; readonly before: Resting; readonly history: RestartHistory }
  | { readonly at: 'running'; readonly since: number; readonly health: Health; readonly history: RestartHistory }
  | { readonly at: 'stopping'; readonly since: number; readonly thenRemove: boolean }
  | Backoff
  | { readonly at: 'exited'; readonly exit: ExitStatus; readonly since: number }
  | { readonly at: 'removed' };

/** Nothing runs. */
type Resting =
  | { readonly at: 'created' }
  | Backoff
  | { readonly at: 'exited'; readonly exit: ExitStatus; readonly since: number };

interface Backoff {
  readonly at: 'backoff';
  readonly until: number;
  readonly exit: ExitStatus;
  readonly history: RestartHistory;
}

export type InstanceEvent =
  | { readonly type: 'start' }
  /** The guest runs. */
  | { readonly type: 'started'; readonly at: number; readonly health: Health }
  /** It could not be made to run. */
  | { readonly type: 'start-failed'; readonly at: number; readonly reason: string }
  | {
      readonly type: 'exited';
      readonly at: number;
      readonly exit: ExitStatus;
      readonly ranMs: number;
      /** Not by itself: it lost the thread that it shared, and is started again whatever the policy says. */
      readonly isDisplaced?: boolean;
    }
  /** The time of a back-off is over. */
  | { readonly type: 'retry' }
  | { readonly type: 'health'; readonly health: Health }
  | { readonly type: 'stop'; readonly at: number; readonly graceMs: number }
  | { readonly type: 'remove'; readonly at: number };

export type Effect =
  | { readonly do: 'launch' }
  | { readonly do: 'end'; readonly graceMs: number }
  | { readonly do: 'wait'; readonly delayMs: number }
  | { readonly do: 'stop-waiting' }
  /** Leaves the networks. */
  | { readonly do: 'leave' }
  | { readonly do: 'tell-started' }
  | { readonly do: 'tell-exited'; readonly exit: ExitStatus; readonly restartAt?: number | undefined }
  | { readonly do: 'tell-health'; readonly health: Health }
  | { readonly do: 'tell-removed' };

export interface Step {
  readonly phase: Phase;
  readonly effects: readonly Effect[];
}

/** What an event does to an instance. An event that means nothing in a phase changes nothing. */
export function transition(phase: Phase, event: InstanceEvent, policy: RestartPolicy): Step {
  switch (event.type) {
    case 'start':
      return start(phase);
    case 'started':
      return phase.at === 'starting'
        ? {
            phase: { at: 'running', since: event.at, health: event.health, history: phase.history },
            effects: [{ do: 'tell-started' }],
          }
        : ignore(phase);
    case 'start-failed':
      return startFailed(phase, event, policy);
    case 'exited':
      return exited(phase, event, policy);
    case 'retry':
      return phase.at === 'backoff'
        ? { phase: { at: 'starting', before: phase, history: phase.history }, effects: [{ do: 'launch' }] }
        : ignore(phase);
    case 'health':
      return phase.at === 'running' && phase.health !== event.health
        ? { phase: { ...phase, health: event.health }, effects: [{ do: 'tell-health', health: event.health }] }
        : ignore(phase);
    case 'stop':
      return stop(phase, event);
    case 'remove':
      return remove(phase, event);
  }
}

/** The phase as others see it; undefined: there is no such instance. */
export function stateOf(phase: Phase): InstanceState | undefined {
  switch (phase.at) {
    case 'created':
      return phase;
    case 'starting':
      return stateOf(phase.before);
    case 'running':
      return { at: 'running', health: phase.health, since: phase.since };
    case 'stopping':
      return { at: 'stopping', since: phase.since };
    case 'backoff':
      return { at: 'backoff', attempt: phase.history.attempt, until: phase.until, exit: phase.exit };
    case 'exited':
      return phase;
    case 'removed':
      return undefined;
  }
}

function start(phase: Phase): Step {
  switch (phase.at) {
    case 'created':
    case 'exited':
      return { phase: { at: 'starting', before: phase, history: NO_RESTARTS }, effects: [{ do: 'launch' }] };
    case 'backoff':
      return {
        phase: { at: 'starting', before: phase, history: NO_RESTARTS },
        effects: [{ do: 'stop-waiting' }, { do: 'launch' }],
      };
    case 'starting':
    case 'running':
    case 'stopping':
    case 'removed':
      return ignore(phase);
  }
}

function startFailed(
  phase: Phase,
  event: Extract<InstanceEvent, { type: 'start-failed' }>,
  policy: RestartPolicy,
): Step {
  if (phase.at === 'stopping') return ended(phase, { how: 'killed' }, event.at);
  if (phase.at !== 'starting') return ignore(phase);
  if (phase.before.at !== 'backoff') return { phase: phase.before, effects: [{ do: 'leave' }] };
  return restartOrEnd({ how: 'lost', reason: event.reason }, event.at, phase.history, 0, policy);
}

function exited(phase: Phase, event: Extract<InstanceEvent, { type: 'exited' }>, policy: RestartPolicy): Step {
  switch (phase.at) {
    case 'running':
      return restartOrEnd(
        event.exit,
        event.at,
        phase.history,
        event.ranMs,
        event.isDisplaced === true ? { when: 'always' } : policy,
      );
    case 'stopping':
      return ended(phase, event.exit, event.at);
    case 'created':
    case 'starting':
    case 'backoff':
    case 'exited':
    case 'removed':
      return ignore(phase);
  }
}

function restartOrEnd(
  exit: ExitStatus,
  at: number,
  history: RestartHistory,
  ranMs: number,
  policy: RestartPolicy,
): Step {
  const next = nextRestart(policy, exit, history, ranMs);
  if (next === undefined) {
    return { phase: { at: 'exited', exit, since: at }, effects: [{ do: 'tell-exited', exit }, { do: 'leave' }] };
  }
  const until = at + next.delayMs;
  return {
    phase: { at: 'backoff', until, exit, history: next.history },
    effects: [
      { do: 'tell-exited', exit, restartAt: until },
      { do: 'wait', delayMs: next.delayMs },
    ],
  };
}

function ended(phase: Extract<Phase, { at: 'stopping' }>, exit: ExitStatus, at: number): Step {
  const told: Effect = { do: 'tell-exited', exit };
  return phase.thenRemove
    ? { phase: { at: 'removed' }, effects: [told, { do: 'leave' }, { do: 'tell-removed' }] }
    : { phase: { at: 'exited', exit, since: at }, effects: [told, { do: 'leave' }] };
}

function stop(phase: Phase, event: Extract<InstanceEvent, { type: 'stop' }>): Step {
  const end: Effect = { do: 'end', graceMs: event.graceMs };
  switch (phase.at) {
    case 'starting':
    case 'running':
      return { phase: { at: 'stopping', since: event.at, thenRemove: false }, effects: [end] };
    case 'stopping':
      return { phase, effects: [end] };
    case 'backoff':
      return {
        phase: { at: 'exited', exit: phase.exit, since: event.at },
        effects: [{ do: 'stop-waiting' }, { do: 'tell-exited', exit: phase.exit }, { do: 'leave' }],
      };
    case 'created':
    case 'exited':
    case 'removed':
      return ignore(phase);
  }
}

function remove(phase: Phase, event: Extract<InstanceEvent, { type: 'remove' }>): Step {
  const end: Effect = { do: 'end', graceMs: 0 };
  switch (phase.at) {
    case 'starting':
    case 'running':
      return { phase: { at: 'stopping', since: event.at, thenRemove: true }, effects: [end] };
    case 'stopping':
      return { phase: { ...phase, thenRemove: true }, effects: [end] };
    case 'backoff':
      return {
        phase: { at: 'removed' },
        effects: [{ do: 'stop-waiting' }, { do: 'leave' }, { do: 'tell-removed' }],
      };
    case 'created':
    case 'exited':
      return { phase: { at: 'removed' }, effects: [{ do: 'leave' }, { do: 'tell-removed' }] };
    case 'removed':
      return ignore(phase);
  }
}

function ignore(phase: Phase): Step {
  return { phase, effects: [] };
}
