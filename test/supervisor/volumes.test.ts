import { existsSync, mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { VolumeDirs } from '../../src/storage/volume-dirs.ts';
import type { EngineSide } from '../../src/supervisor/engine-access.ts';
import { ProjectVolumes } from '../../src/supervisor/volumes.ts';
import { container, mount, project, volume, wasm } from '../plan/fixtures.ts';

const never = new AbortController().signal;
const data = volume('data');

/** An Engine without volumes that tells what it is asked to make. */
function engineSide(isLocal: boolean, made: (string | undefined)[]): EngineSide {
  return {
    isLocal,
    description: 'tcp://far:2376 (from DOCKER_HOST)',
    resources: {
      inspectVolume: async () => undefined,
      ensureVolume: async (_project: string, _volume: unknown, device: string | undefined) => void made.push(device),
    },
  } as unknown as EngineSide;
}

const both = project([
  container('db', { mounts: [mount('data', '/data')] }),
  wasm('api', { mounts: [mount('data', '/data')] }),
]);

describe('named volumes', () => {
  test('one that both kinds use is a directory here, given to the Engine', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-volumes-'));
    const made: (string | undefined)[] = [];
    const volumes = new ProjectVolumes(new VolumeDirs(dir.path), () => engineSide(true, made));
    await volumes.ensure(both, data, never);
    expect(made).toEqual([join(dir.path, 'demo_data', '_data')]);
    expect(existsSync(made[0] ?? '')).toBe(true);
  });

  test("one that only containers use is the Engine's, wherever it is", async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-volumes-'));
    const made: (string | undefined)[] = [];
    const volumes = new ProjectVolumes(new VolumeDirs(dir.path), () => engineSide(false, made));
    await volumes.ensure(project([container('db', { mounts: [mount('data', '/data')] })]), data, never);
    expect(made).toEqual([undefined]);
  });

  test('an Engine that is reached over the network cannot share one with a Wasm service: nothing is made', async ({
    expect,
  }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-volumes-'));
    const made: (string | undefined)[] = [];
    const volumes = new ProjectVolumes(new VolumeDirs(dir.path), () => engineSide(false, made));
    await expect(volumes.ensure(both, data, never)).rejects.toMatchObject({
      code: 'ERR_MOUNT',
      message: expect.stringContaining('tcp://far:2376') as string,
    });
    expect(made).toEqual([]);
    expect(existsSync(join(dir.path, 'demo_data'))).toBe(false);
  });
});
