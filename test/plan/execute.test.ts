import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'vitest';

import type { Operation, Plan } from '../../src/model/plan.ts';
import { executePlan } from '../../src/plan/execute.ts';
import type { ExecuteOptions, NodeOutcome } from '../../src/plan/execute.ts';
import { reconcile } from '../../src/plan/reconcile.ts';
import { container, needs, nothing, project } from './fixtures.ts';

const three = project([container('a'), container('b'), container('c', { dependsOn: [needs('a', 'healthy')] })]);
const plan = reconcile(three, nothing, {
  recreate: 'changed',
  recreateDependencies: 'changed',
  renewVolumes: false,
  replaceVolumes: [],
  graceMs: undefined,
  services: [],
  withDependencies: true,
  removeOrphans: false,
  start: true,
  wait: false,
  hash: () => 'h1',
});

function told(outcomes: ReadonlyMap<number, NodeOutcome>): readonly string[] {
  return plan.nodes.map((node) => `${node.subject} ${node.operation.op}: ${outcomes.get(node.id)?.result ?? 'none'}`);
}

function options(run: ExecuteOptions['run']): ExecuteOptions {
  return { run, onNode: () => {}, now: () => 0, limit: () => async (task) => await task() };
}

async function execute(
  run: ExecuteOptions['run'],
  signal: AbortSignal = new AbortController().signal,
  what: Plan = plan,
) {
  return await executePlan(what, options(run), signal);
}

describe('executePlan', () => {
  test('a failure skips what needs it and nothing else', async ({ expect }) => {
    const outcomes = await execute(async (operation) => {
      if (operation.op === 'instance.start' && operation.id === 'a#1') throw new Error('boom');
    });
    expect(told(outcomes)).toMatchInlineSnapshot(`
      [
        "network:default network.create: done",
        "service:a artifact.prepare: done",
        "service:a#1 instance.create: done",
        "service:a#1 instance.start: failed",
        "service:b artifact.prepare: done",
        "service:b#1 instance.create: done",
        "service:b#1 instance.start: done",
        "service:c artifact.prepare: done",
        "service:c#1 instance.create: done",
        "service:a#1 instance.await: skipped",
        "service:c#1 instance.start: skipped",
      ]
    `);
  });

  test('no node runs before all it needs is done', async ({ expect }) => {
    const done: Operation[] = [];
    const early: string[] = [];
    const byId = new Map(plan.nodes.map((node) => [node.id, node]));
    await execute(async (operation) => {
      const node = plan.nodes.find((one) => one.operation === operation);
      const missing = (node?.needs ?? []).filter((id) => !done.includes(byId.get(id)?.operation as Operation));
      if (missing.length > 0) early.push(node?.subject ?? '');
      await turn();
      done.push(operation);
    });
    expect(early).toEqual([]);
    expect(done).toHaveLength(plan.nodes.length);
  });

  test('an abort cancels what has not begun and what is under way', async ({ expect }) => {
    const stop = new AbortController();
    const outcomes = await execute(async (operation, signal) => {
      if (operation.op !== 'artifact.prepare') return;
      stop.abort();
      signal.throwIfAborted();
    }, stop.signal);
    expect(new Set([...outcomes.values()].map((outcome) => outcome.result))).toEqual(new Set(['done', 'cancelled']));
  });
});
