import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { LogHub } from '../../src/logs/hub.ts';
import { instanceId, projectName } from '../../src/model/ids.ts';
import type { InstanceId } from '../../src/model/ids.ts';
import type { ObservedInstance } from '../../src/model/state.ts';
import type { Runtime, RuntimeEvent } from '../../src/runtime/runtime.ts';
import type { EngineSide } from '../../src/supervisor/engine-access.ts';
import { Instances } from '../../src/supervisor/instances.ts';
import { LogFollowers } from '../../src/supervisor/log-followers.ts';
import { AsyncQueue } from '../../src/util/async-queue.ts';

const project = projectName('demo');
const slow = instanceId('slow', 1);
const quick = instanceId('quick', 1);
const code = (value: number): { how: 'code'; code: number } => ({ how: 'code', code: value });

function container(id: InstanceId, handle: string): ObservedInstance {
  return {
    id,
    service: id.slice(0, id.indexOf('#')),
    index: 1,
    kind: 'container',
    handle,
    name: `demo-${id.replace('#', '-')}`,
    image: 'redis:7',
    configHash: '',
    state: { at: 'running', health: 'none', since: 0 },
    ports: [],
    addresses: {},
    createdAt: 0,
    restarts: 0,
  };
}

/** Instances fed by events that the test pushes; a log ends when the test says so, and `quick` at once. */
async function bench(
  run: (it: {
    readonly instances: Instances;
    readonly hub: LogHub;
    readonly push: (event: RuntimeEvent) => void;
    readonly endLog: () => void;
    readonly followed: readonly string[];
  }) => Promise<void>,
): Promise<void> {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-instances-'));
  using hub = new LogHub({ dir: join(dir.path, 'logs'), now: Date.now });
  const stop = new AbortController();
  const events = new AsyncQueue<RuntimeEvent>(stop.signal);
  const log = Promise.withResolvers<void>();
  const followed: string[] = [];
  const runtime = { events: () => events } as unknown as Runtime;
  const engine = {
    runtime,
    followLogs: async (handle: string) => {
      followed.push(handle);
      if (handle === 'slow-1') await log.promise;
    },
  } as unknown as EngineSide;
  await using followers = new LogFollowers(hub, () => {});
  const instances = new Instances(project, hub, followers);
  instances.replaceAll([container(slow, 'slow-1'), container(quick, 'quick-1')], engine);
  const listening = instances.listen(runtime, engine, stop.signal);
  try {
    await run({ instances, hub, push: (event) => events.push(event), endLog: log.resolve, followed });
  } finally {
    log.resolve();
    stop.abort();
    await listening;
  }
}

describe('events of instances', () => {
  test('one whose last lines take their time keeps no other waiting, and nobody loses its next start', async ({
    expect,
  }) => {
    await bench(async ({ instances, push, endLog, followed }) => {
      const exits: string[] = [];
      const both = Promise.withResolvers<void>();
      using _exits = instances.exits.subscribe((exit) => {
        exits.push(exit.name);
        if (exit.name === 'demo-quick-1') endLog();
        if (exits.length === 2) both.resolve();
      });
      push({ type: 'exited', handle: 'slow-1', id: slow, at: 1, exit: code(1) });
      push({ type: 'started', handle: 'slow-1', id: slow, at: 2 });
      push({ type: 'exited', handle: 'quick-1', id: quick, at: 3, exit: code(0) });
      await both.promise;
      expect(exits).toEqual(['demo-quick-1', 'demo-slow-1']);
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(followed).toEqual(['slow-1', 'quick-1', 'slow-1']);
      expect(instances.running).toBe(1);
    });
  });

  test('containers are known as their events tell, also without asking the Engine', async ({ expect }) => {
    await bench(async ({ instances, push, endLog }) => {
      endLog();
      const told = Promise.withResolvers<void>();
      using _exits = instances.exits.subscribe(() => told.resolve());
      push({ type: 'health', handle: 'slow-1', id: slow, at: 1, health: 'healthy' });
      push({ type: 'removed', handle: 'an earlier one', id: slow, at: 2 });
      push({ type: 'exited', handle: 'quick-1', id: quick, at: 3, exit: code(4) });
      await told.promise;
      expect(instances.containers().map((one) => [one.service, one.state])).toEqual([
        ['slow', { at: 'running', health: 'healthy', since: 0 }],
        ['quick', { at: 'exited', exit: code(4), since: 3 }],
      ]);
    });
  });

  test('the end of what was started here is awaited with its last lines, that of others is not', async ({ expect }) => {
    await bench(async ({ instances, push, endLog }) => {
      const ended = [container(slow, 'slow-1'), container(quick, 'quick-1')].map((one): ObservedInstance => ({
        ...one,
        state: { at: 'exited', exit: code(0), since: 1 },
      }));
      // Nobody started them here: there may be no news of them any more.
      await instances.untilTold(ended, AbortSignal.timeout(60_000));
      instances.starting(container(slow, 'slow-1'));
      const exits: string[] = [];
      using _exits = instances.exits.subscribe((exit) => exits.push(exit.name));
      const told = instances.untilTold(ended, AbortSignal.timeout(60_000)).then(() => [...exits]);
      push({ type: 'exited', handle: 'slow-1', id: slow, at: 1, exit: code(0) });
      endLog();
      expect(await told).toEqual(['demo-slow-1']);
      await instances.untilTold(ended, AbortSignal.timeout(60_000));
    });
  });
});
