import { describe, test } from 'vitest';

import type { RuntimeEvent } from '../../../src/runtime/runtime.ts';
import { EngineProxy } from '../../fake/engine-proxy.ts';
import { docker, eventually, Sandbox } from './sandbox.ts';

type Told = readonly (readonly [string, ...unknown[]])[];

/** What a reader of the events would say, without handles and times. */
function told(events: readonly RuntimeEvent[]): Told {
  return events.map((event) => {
    if (event.type === 'exited') {
      const code = event.exit.how === 'code' ? event.exit.code : event.exit.how;
      return event.restartAt === undefined ? ['exited', code] : ['exited', code, 'restarts'];
    }
    return event.type === 'health' ? ['health', event.health] : [event.type];
  });
}

describe('events of containers', () => {
  /** [what, script, what is done to it when it runs, what is told] */
  const lives: readonly (readonly [string, string, (sandbox: Sandbox, handle: string) => Promise<unknown>, Told])[] = [
    ['ends by itself', 'exit 3', async () => {}, [['started'], ['exited', 3]]],
    [
      'is stopped',
      'trap "exit 0" TERM; while :; do sleep 0.05; done',
      async (sandbox, handle) => await sandbox.runtime.stop(handle, 5_000, sandbox.signal),
      [['started'], ['exited', 0]],
    ],
    [
      'is killed by somebody',
      'exec sleep 60',
      async (_sandbox, handle) => await docker('kill', handle),
      [['started'], ['exited', 137]],
    ],
    [
      'is removed by somebody',
      'exec sleep 60',
      async (_sandbox, handle) => await docker('rm', '-f', handle),
      [['started'], ['exited', 137], ['removed']],
    ],
    [
      'is restarted by somebody',
      'exec sleep 60',
      async (_sandbox, handle) => await docker('restart', '-t', '0', handle),
      [['started'], ['exited', 137], ['started']],
    ],
  ];
  for (const [what, script, act, expected] of lives) {
    test(`one that ${what}`, async ({ expect }) => {
      await using sandbox = await Sandbox.open();
      const events = sandbox.events();
      const handle = await sandbox.run(sandbox.shell('web', script));
      await act(sandbox, handle);
      await eventually(() => expect(told(events)).toEqual(expected));
      for (const event of events) {
        expect(event).toMatchObject({ id: 'web#1', handle, at: expect.closeTo(Date.now(), -5) });
      }
    });
  }

  test('one that restarts says so and when, and its last end is the end', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const events = sandbox.events();
    const restart = { when: 'on-failure', maxRetries: 2 } as const;
    await sandbox.run(sandbox.shell('web', 'exit 3', { restart }));
    const again = [['started'], ['exited', 3, 'restarts']] as const;
    await eventually(() => expect(told(events)).toEqual([...again, ...again, ['started'], ['exited', 3]]));
  });

  test('one that is stopped while it waits for its restart has ended', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const events = sandbox.events();
    const handle = await sandbox.run(sandbox.shell('web', 'exit 3', { restart: { when: 'always' } }));
    // The waits become longer: after some there is one long enough to stop in.
    await eventually(() => expect(told(events).filter(([type]) => type === 'exited').length).toBeGreaterThan(4));
    await sandbox.runtime.stop(handle, 0, sandbox.signal);
    await eventually(() => expect(told(events).at(-1)).toEqual(['exited', 3]));
    const [seen] = await sandbox.runtime.observe(sandbox.project, sandbox.signal);
    expect(seen?.state).toMatchObject({ at: 'exited', exit: { how: 'code', code: 3 } });
  });

  test('those of another project, of relays and of one-off containers are not told', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using other = await Sandbox.open();
    const events = sandbox.events();
    await other.run(other.shell('web', 'exit 0'));
    const label = [
      '--label',
      `com.docker.compose.project=${sandbox.project}`,
      '--label',
      'com.docker.compose.service=web',
    ];
    const image = ['--network', 'none', 'wcompose-test/busybox:latest', 'true'];
    await docker('run', ...label, '--label', 'com.docker.compose.oneoff=True', ...image);
    await docker('run', ...label, '--label', 'dev.wcompose.kind=relay', ...image);
    const handle = await sandbox.run(sandbox.shell('web', 'exit 0'));
    await eventually(() => expect(told(events)).toEqual([['started'], ['exited', 0]]));
    expect(events.every((event) => 'handle' in event && event.handle === handle)).toBe(true);
  });

  test('end with the signal, and for a reader that leaves', async ({ expect }) => {
    await using proxy = await EngineProxy.open();
    await using sandbox = await Sandbox.open({ DOCKER_HOST: `unix://${proxy.socketPath}` });
    const stop = new AbortController();
    const seen: RuntimeEvent[] = [];
    const reading = (async () => {
      for await (const event of sandbox.runtime.events(sandbox.project, stop.signal)) seen.push(event);
    })();
    const leaving = (async () => {
      for await (const _event of sandbox.runtime.events(sandbox.project, sandbox.signal)) break;
    })();
    await eventually(() => expect(proxy.open).toBe(2));
    await sandbox.run(sandbox.shell('web', 'exec sleep 60'));
    await leaving;
    await eventually(() => expect(told(seen)).toEqual([['started']]));
    stop.abort();
    await reading;
    await eventually(() => expect(proxy.open).toBe(0));
  });
});

describe('events while the Engine comes and goes', () => {
  test('lost and found are told once, with what happened between', async ({ expect }) => {
    await using proxy = await EngineProxy.open();
    await using sandbox = await Sandbox.open({ DOCKER_HOST: `unix://${proxy.socketPath}` });
    await using direct = await Sandbox.open();
    const events = sandbox.events();
    const stays = await sandbox.run(sandbox.shell('stays', 'exec sleep 60'));
    const ends = await sandbox.run(sandbox.shell('ends', 'exec sleep 60'));
    const goes = await sandbox.run(sandbox.shell('goes', 'exec sleep 60'));
    await eventually(() => expect(told(events)).toHaveLength(3));

    await proxy.down();
    await eventually(() => expect(told(events).at(-1)).toEqual(['runtime-lost']));
    await expect(sandbox.runtime.observe(sandbox.project, sandbox.signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNREACHABLE',
    });
    await direct.runtime.stop(ends, 0, direct.signal);
    await docker('rm', '-f', goes);
    const late = await direct.runtime.create(
      { ...sandbox.request(sandbox.shell('late', 'exec sleep 60')) },
      direct.signal,
    );
    await direct.runtime.start(late, direct.signal);
    await proxy.restore();

    await eventually(() => expect(told(events).at(-1)).toEqual(['runtime-found']));
    const between = events
      .slice(4, -1)
      .map((event) => ('handle' in event ? `${event.type} ${event.handle}` : event.type));
    expect(new Set(between)).toEqual(new Set([`exited ${ends}`, `removed ${goes}`, `started ${late}`]));
    expect(between).toHaveLength(3);

    await sandbox.runtime.stop(stays, 0, sandbox.signal);
    await eventually(() => expect(events.at(-1)).toMatchObject({ type: 'exited', handle: stays }));
    expect(told(events).filter(([type]) => type === 'runtime-lost')).toHaveLength(1);
  });

  test('a stream that is cut is opened once again, and so is the list', async ({ expect }) => {
    await using proxy = await EngineProxy.open();
    await using sandbox = await Sandbox.open({ DOCKER_HOST: `unix://${proxy.socketPath}` });
    const events = sandbox.events();
    // One to learn the version, one for the stream and one for the list.
    await eventually(() => expect([proxy.accepted, proxy.open]).toEqual([3, 1]));
    const before = proxy.accepted;
    for (let cut = 1; cut <= 3; cut++) {
      proxy.cut();
      await eventually(() => expect(told(events).filter(([type]) => type === 'runtime-found')).toHaveLength(cut));
    }
    // Each time one for the stream and one for the list.
    expect(proxy.accepted - before).toBe(6);
  });
});
