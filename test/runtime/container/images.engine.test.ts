import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import type { ContainerService } from '../../../src/model/project.ts';
import { inspectImage } from '../../../src/runtime/container/images.ts';
import type { Progress } from '../../../src/runtime/runtime.ts';
import { openRegistry } from '../../fake/registry.ts';
import type { FakeRegistry, FakeRegistryOptions } from '../../fake/registry.ts';
import { here } from '../../plan/fixtures.ts';
import { BUSYBOX, docker, Sandbox } from './sandbox.ts';

const REPOSITORY = 'shop/web';

/** An Engine and a registry; what was pulled from it is gone at the end. */
class Pulling implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly registry: FakeRegistry;
  readonly progress: Progress[] = [];

  private constructor(sandbox: Sandbox, registry: FakeRegistry) {
    this.sandbox = sandbox;
    this.registry = registry;
  }

  static async open(options: Partial<FakeRegistryOptions> = {}): Promise<Pulling> {
    return new Pulling(await Sandbox.open(), await openRegistry({ repository: REPOSITORY, tag: '1', ...options }));
  }

  get image(): string {
    return `${this.registry.host}/${REPOSITORY}`;
  }

  async prepare(image: string, over: Partial<ContainerService> = {}): Promise<void> {
    const service = this.sandbox.service('web', ['true'], { image, ...over });
    await this.sandbox.runtime.prepare(service, (step) => this.progress.push(step), this.sandbox.signal);
  }

  async has(image: string): Promise<boolean> {
    return (await inspectImage(this.sandbox.engine, image, this.sandbox.signal)) !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stdout } = await docker('images', '-q', this.image);
    const ids = [...new Set(stdout.split('\n').filter((id) => id !== ''))];
    if (ids.length > 0) await docker('rmi', '-f', ...ids);
    await this.registry[Symbol.asyncDispose]();
    await this.sandbox[Symbol.asyncDispose]();
  }
}

describe('an image that is not there', () => {
  test('is pulled, and how far it is is told', async ({ expect }) => {
    await using pulling = await Pulling.open({ layerBytes: 3_000_000 });
    await pulling.prepare(`${pulling.image}:1`);
    expect(await pulling.has(`${pulling.image}:1`)).toBe(true);
    const { progress } = pulling;
    expect(progress[0]).toEqual({ step: 'Pulling', done: 0 });
    const last = progress.at(-1);
    expect(last?.total).toBeGreaterThan(3_000_000);
    expect(last?.done).toBe(last?.total);
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).toSorted((a, b) => a - b));
  });

  test('without a tag is the latest, and not every one', async ({ expect }) => {
    await using pulling = await Pulling.open({ tag: 'latest' });
    await pulling.prepare(pulling.image);
    expect((await docker('images', '--format', '{{.Tag}}', pulling.image)).stdout).toBe('latest');
  });

  test('is pulled by its digest, with or without a tag beside it', async ({ expect }) => {
    await using pulling = await Pulling.open();
    for (const image of [
      `${pulling.image}@${pulling.registry.digest}`,
      `${pulling.image}:1@${pulling.registry.digest}`,
    ]) {
      await pulling.prepare(image);
      const handle = await pulling.sandbox.create(pulling.sandbox.service('web', ['/noise'], { image }));
      const [seen] = await pulling.sandbox.runtime.observe(pulling.sandbox.project, pulling.sandbox.signal);
      expect(seen).toMatchObject({ image, configHash: 'h1' });
      await pulling.sandbox.runtime.remove(handle, pulling.sandbox.signal);
    }
  });

  test('with the name and password that docker login has stored', async ({ expect }) => {
    const login = { username: 'me', password: 'secret' };
    await using pulling = await Pulling.open({ login });
    const config = mkdtempSync(join(tmpdir(), 'wc-login-'));
    const before = process.env['DOCKER_CONFIG'];
    process.env['DOCKER_CONFIG'] = config;
    try {
      await expect(pulling.prepare(`${pulling.image}:1`)).rejects.toMatchObject({
        code: 'ERR_IMAGE_NOT_FOUND',
        hint: expect.stringContaining('docker login'),
      });
      const auth = Buffer.from('me:secret').toString('base64');
      writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [pulling.registry.host]: { auth } } }));
      await pulling.prepare(`${pulling.image}:1`);
      expect(await pulling.has(`${pulling.image}:1`)).toBe(true);
    } finally {
      if (before === undefined) delete process.env['DOCKER_CONFIG'];
      else process.env['DOCKER_CONFIG'] = before;
      rmSync(config, { recursive: true, force: true });
    }
  });

  test('nor in its registry', async ({ expect }) => {
    await using pulling = await Pulling.open();
    await expect(pulling.prepare(`${pulling.image}:2`)).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: `image not found: ${pulling.image}:2`,
      source: here,
    });
  });

  test('and whose registry cannot be reached', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const service = sandbox.service('web', ['true'], { image: 'localhost:1/shop/web:1' });
    await expect(sandbox.runtime.prepare(service, () => {}, sandbox.signal)).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: 'image localhost:1/shop/web:1 is not on this machine and its registry cannot be reached',
      hint: 'check the network, or load the image with: docker load',
      source: here,
    });
  });

  test('is not pulled when the file says never', async ({ expect }) => {
    await using pulling = await Pulling.open();
    await expect(pulling.prepare(`${pulling.image}:1`, { pullPolicy: 'never' })).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: `image not found: ${pulling.image}:1, and pull_policy is never`,
      hint: `get it with: docker pull ${pulling.image}:1`,
    });
    await expect(pulling.prepare(`${pulling.image}:1`, { pullPolicy: 'build' })).rejects.toMatchObject({
      hint: `build it with: docker build -t ${pulling.image}:1 .`,
    });
    expect(pulling.registry.authorizations).toEqual([]);
  });
});

describe('an image that is there', () => {
  for (const pullPolicy of ['missing', 'never', 'build'] as const) {
    test(`is used as it is: ${pullPolicy}`, async ({ expect }) => {
      await using sandbox = await Sandbox.open();
      const steps: Progress[] = [];
      await sandbox.runtime.prepare(
        sandbox.service('web', ['true'], { image: BUSYBOX, pullPolicy }),
        (step) => steps.push(step),
        sandbox.signal,
      );
      expect(steps).toEqual([]);
    });
  }

  test('is asked for again when the file says always', async ({ expect }) => {
    await using pulling = await Pulling.open();
    await pulling.prepare(`${pulling.image}:1`);
    const asked = pulling.registry.authorizations.length;
    await pulling.prepare(`${pulling.image}:1`, { pullPolicy: 'always' });
    expect(pulling.registry.authorizations.length).toBeGreaterThan(asked);
  });

  test('but for another platform is pulled for the one that is asked for', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const never = { image: BUSYBOX, pullPolicy: 'never' } as const;
    const prepare = async (platform: string): Promise<void> =>
      await sandbox.runtime.prepare(sandbox.service('web', ['true'], { ...never, platform }), () => {}, sandbox.signal);
    const arch = sandbox.engine.arch;
    for (const fits of [`linux/${arch}`, arch, 'linux', `LINUX/${arch}`]) await prepare(fits);
    await expect(prepare('linux/riscv64')).rejects.toMatchObject({
      message: `image not found: ${BUSYBOX} for linux/riscv64, and pull_policy is never`,
    });
  });
});

describe('a pull', () => {
  test('ends with the signal', async ({ expect }) => {
    await using pulling = await Pulling.open({ layerBytes: 20_000_000 });
    const stop = new AbortController();
    const service = pulling.sandbox.service('web', ['true'], { image: `${pulling.image}:1` });
    const preparing = pulling.sandbox.runtime.prepare(service, () => stop.abort(), stop.signal);
    await expect(preparing).rejects.toMatchObject({ name: 'AbortError' });
  });
});
