import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import type { SourceRef } from '../../../src/model/diagnostic.ts';
import type { NetworkSpec, VolumeSpec } from '../../../src/model/project.ts';
import { ensureNetwork, listNetworks, removeNetwork, subnets } from '../../../src/runtime/container/networks.ts';
import { ensureVolume, inspectVolume, listVolumes, removeVolume } from '../../../src/runtime/container/volumes.ts';
import { here, network, volume } from '../../plan/fixtures.ts';
import { docker, Sandbox } from './sandbox.ts';

const source: SourceRef = { ...here, line: 42 };

function networkOf(sandbox: Sandbox, over: Partial<NetworkSpec> = {}): NetworkSpec {
  return network('front', { name: `${sandbox.project}_front`, source, ...over });
}

function volumeOf(sandbox: Sandbox, over: Partial<VolumeSpec> = {}): VolumeSpec {
  return volume('data', { name: `${sandbox.project}_data`, source, ...over });
}

describe('networks', () => {
  test('are made as the file says, once, and removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = networkOf(sandbox, {
      internal: true,
      labels: { mine: 'x' },
      driverOpts: { 'com.docker.network.driver.mtu': '1400' },
    });
    await ensureNetwork(engine, project, spec, signal);
    await ensureNetwork(engine, project, spec, signal);
    const found = JSON.parse((await docker('network', 'inspect', spec.name)).stdout) as readonly object[];
    expect(found).toMatchObject([
      {
        Driver: 'bridge',
        Internal: true,
        Options: spec.driverOpts,
        Labels: {
          mine: 'x',
          'com.docker.compose.project': project,
          'com.docker.compose.network': 'front',
          'com.docker.compose.version': expect.any(String),
        },
      },
    ]);
    const [seen, ...others] = await listNetworks(engine, project, signal);
    expect(others).toEqual([]);
    expect(seen).toMatchObject({ key: 'front', name: spec.name });
    expect(await subnets(engine, spec.name, signal)).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+\.\d+\/\d+$/)]);
    if (seen !== undefined) {
      await removeNetwork(engine, seen, signal);
      await removeNetwork(engine, seen, signal);
    }
    expect(await listNetworks(engine, project, signal)).toEqual([]);
    expect(await subnets(engine, spec.name, signal)).toEqual([]);
  });

  test('two processes that make the same one end with one', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = networkOf(sandbox, { internal: true });
    await Promise.allSettled([1, 2, 3].map(async () => await ensureNetwork(engine, project, spec, signal)));
    await ensureNetwork(engine, project, spec, signal);
    expect(await listNetworks(engine, project, signal)).toHaveLength(1);
  });

  test('of others are neither used nor removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using other = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = networkOf(sandbox, { internal: true });
    const foreign = networkOf(sandbox, { name: `${sandbox.project}_foreign` });
    await ensureNetwork(engine, other.project, spec, signal);
    await docker('network', 'create', '--internal', foreign.name);
    try {
      await expect(ensureNetwork(engine, project, spec, signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
        message: `a network named ${spec.name} exists and belongs to project ${other.project}`,
        source,
      });
      await expect(ensureNetwork(engine, project, foreign, signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
        message: `a network named ${foreign.name} exists and was not made by compose`,
        hint: expect.stringContaining('external: true'),
      });
      const id = (await docker('network', 'inspect', '-f', '{{.Id}}', foreign.name)).stdout;
      await expect(removeNetwork(engine, { key: 'front', name: foreign.name, id }, signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
      });
      await ensureNetwork(engine, project, { ...foreign, external: true }, signal);
    } finally {
      await docker('network', 'rm', foreign.name);
    }
  });

  test('that are external must be there; the built-in ones are', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    for (const name of ['bridge', 'host', 'none']) {
      await ensureNetwork(engine, project, networkOf(sandbox, { name, external: true }), signal);
    }
    // A part of its name is not its name.
    await sandbox.network('default');
    const missing = networkOf(sandbox, { name: `${project}_def`, external: true });
    await expect(ensureNetwork(engine, project, missing, signal)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      hint: `make it with: docker network create ${missing.name}`,
      source,
    });
  });

  test('with a container of others on them stay, and it is said why', { timeout: 60_000 }, async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = await sandbox.network('front');
    const handle = await sandbox.run(sandbox.service('web', ['sleep', '600'], { networkMode: undefined }), {
      networks: [spec],
    });
    const [seen] = await listNetworks(engine, project, signal);
    expect(seen).toBeDefined();
    if (seen === undefined) return;
    await expect(removeNetwork(engine, seen, signal)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringMatching(/cannot be removed: .*has active endpoints/),
    });
    const removing = removeNetwork(engine, seen, signal);
    await sandbox.runtime.remove(handle, signal);
    await removing;
    expect(await listNetworks(engine, project, signal)).toEqual([]);
  });
});

describe('volumes', () => {
  test('are made as the file says, once, and removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = volumeOf(sandbox, { labels: { mine: 'x' }, driverOpts: { type: 'tmpfs', device: 'tmpfs' } });
    await ensureVolume(engine, project, spec, undefined, signal);
    await ensureVolume(engine, project, spec, undefined, signal);
    const found = JSON.parse((await docker('volume', 'inspect', spec.name)).stdout) as readonly object[];
    expect(found).toMatchObject([
      {
        Driver: 'local',
        Options: spec.driverOpts,
        Labels: { mine: 'x', 'com.docker.compose.project': project, 'com.docker.compose.volume': 'data' },
      },
    ]);
    expect(await listVolumes(engine, project, signal)).toEqual([{ key: 'data', name: spec.name, id: spec.name }]);
    await removeVolume(engine, spec.name, signal);
    await removeVolume(engine, spec.name, signal);
    expect(await inspectVolume(engine, spec.name, signal)).toBeUndefined();
  });

  test('may be a directory of the host, and always the same one', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const dir = mkdtempSync(join(tmpdir(), 'wc-volume-'));
    try {
      const spec = volumeOf(sandbox);
      await ensureVolume(engine, project, spec, dir, signal);
      await ensureVolume(engine, project, spec, dir, signal);
      expect(await inspectVolume(engine, spec.name, signal)).toEqual({ hostPath: dir });
      await expect(ensureVolume(engine, project, spec, '/elsewhere', signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
        message: `volume ${spec.name} exists and has its files in ${dir}`,
      });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('of others are neither used nor removed', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using other = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = volumeOf(sandbox);
    const foreign = volumeOf(sandbox, { name: `${sandbox.project}_foreign` });
    await ensureVolume(engine, other.project, spec, undefined, signal);
    await docker('volume', 'create', foreign.name);
    try {
      await expect(ensureVolume(engine, project, spec, undefined, signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
        message: `a volume named ${spec.name} exists and belongs to project ${other.project}`,
        source,
      });
      await expect(ensureVolume(engine, project, foreign, undefined, signal)).rejects.toMatchObject({
        code: 'ERR_NOT_OURS',
        message: `a volume named ${foreign.name} exists and was not made by compose`,
      });
      await expect(removeVolume(engine, foreign.name, signal)).rejects.toMatchObject({ code: 'ERR_NOT_OURS' });
      await ensureVolume(engine, project, { ...foreign, external: true }, undefined, signal);
    } finally {
      await docker('volume', 'rm', foreign.name);
    }
  });

  test('that are external must be there', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const spec = volumeOf(sandbox, { external: true });
    await expect(ensureVolume(sandbox.engine, sandbox.project, spec, undefined, sandbox.signal)).rejects.toMatchObject({
      code: 'ERR_MOUNT',
      hint: `make it with: docker volume create ${spec.name}`,
      source,
    });
  });

  test('in use stay, and it is said how to see by whom', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const { engine, project, signal } = sandbox;
    const spec = volumeOf(sandbox);
    await ensureVolume(engine, project, spec, undefined, signal);
    const mount = {
      type: 'volume',
      source: 'data',
      target: '/data',
      readOnly: false,
      createHostPath: false,
      noCopy: false,
      origin: here,
    } as const;
    await sandbox.create(sandbox.service('web', ['true']), { mounts: [{ spec: mount, engineVolume: spec.name }] });
    await expect(removeVolume(engine, spec.name, signal)).rejects.toMatchObject({
      code: 'ERR_MOUNT',
      message: expect.stringContaining('volume is in use'),
      hint: `see who uses it with: docker ps -a --filter volume=${spec.name}`,
    });
  });
});
