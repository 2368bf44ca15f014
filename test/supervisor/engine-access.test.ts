import { describe, test } from 'vitest';

import { EngineAccess } from '../../src/supervisor/engine-access.ts';
import type { EngineSide } from '../../src/supervisor/engine-access.ts';

const never = new AbortController().signal;

/** An Engine of which nothing but its end is used here. */
function engineSide(onEnd: () => void = () => {}): EngineSide {
  const side: Pick<EngineSide, typeof Symbol.asyncDispose> = { [Symbol.asyncDispose]: async () => onEnd() };
  return side as EngineSide;
}

describe('connection to the Engine', () => {
  test('several callers share one connection, and one that leaves does not take it from the others', async ({
    expect,
  }) => {
    const { promise, resolve } = Promise.withResolvers<EngineSide>();
    const side = engineSide();
    let connects = 0;
    const told: EngineSide[] = [];
    await using access = new EngineAccess(
      async () => {
        connects++;
        return await promise;
      },
      (engine) => told.push(engine),
    );
    const leaves = new AbortController();
    const first = access.get(leaves.signal);
    const second = access.get(never);
    leaves.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    resolve(side);
    expect(await second).toBe(side);
    expect([connects, told]).toEqual([1, [side]]);
  });

  test('a failure is told to all who wait, and the next call tries again', async ({ expect }) => {
    let connects = 0;
    await using access = new EngineAccess(
      async () => {
        if (++connects === 1) throw new Error('away');
        return engineSide();
      },
      () => {},
    );
    await expect(access.get(never)).rejects.toThrow('away');
    await access.get(never);
    expect(connects).toBe(2);
  });

  test('the Engine that a client means is used until one is connected; then another one is refused', async ({
    expect,
  }) => {
    const hosts: (string | undefined)[] = [];
    await using access = new EngineAccess(
      async (env) => {
        hosts.push(env['DOCKER_HOST']);
        if (env['DOCKER_HOST'] === 'unix:///away') throw new Error('away');
        return engineSide();
      },
      () => {},
    );
    expect(access.choose({ DOCKER_HOST: 'unix:///away' })).toBe(true);
    await expect(access.get(never)).rejects.toThrow('away');
    expect(access.choose({ DOCKER_HOST: 'unix:///there' })).toBe(true);
    await access.get(never);
    expect(hosts).toEqual(['unix:///away', 'unix:///there']);
    expect(access.choose({ DOCKER_HOST: 'unix:///there' })).toBe(true);
    expect(access.choose({ DOCKER_HOST: 'unix:///other' })).toBe(false);
    expect(access.choose({})).toBe(false);
  });

  test('disposing ends a connection that is being made', async ({ expect }) => {
    const access = new EngineAccess(
      async (_env, signal) => {
        const { promise, reject } = Promise.withResolvers<EngineSide>();
        signal.addEventListener('abort', () => reject(new Error('ended')), { once: true });
        return await promise;
      },
      () => {},
    );
    const waiting = access.get(never);
    const told = expect(waiting).rejects.toThrow('ended');
    await access[Symbol.asyncDispose]();
    await told;
  });
});
