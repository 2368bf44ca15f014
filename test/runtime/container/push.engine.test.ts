import { describe, test } from 'vitest';

import { createContainerImages } from '../../../src/runtime/container/image-actions.ts';
import type { Progress } from '../../../src/runtime/runtime.ts';
import { openPushRegistry } from '../../fake/push-registry.ts';
import { BUSYBOX, docker, Sandbox } from './sandbox.ts';

describe('an image that is pushed', () => {
  test('is in the registry of its name, and how far it is is told', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using registry = await openPushRegistry();
    const image = `${registry.host}/shop/web:2`;
    await docker('tag', BUSYBOX, image);
    try {
      const steps: Progress[] = [];
      await createContainerImages(sandbox.engine, {}).push(image, (step) => steps.push(step), sandbox.signal);
      expect(registry.images).toEqual(['shop/web:2']);
      expect(steps[0]).toEqual({ step: 'Pushing', done: 0 });
      expect(steps.at(-1)?.step).toBe('Pushing (1 of 1 layers)');
    } finally {
      await docker('rmi', image);
    }
  });

  test('is an error that says why, where it cannot be', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using registry = await openPushRegistry('me:secret');
    const images = createContainerImages(sandbox.engine, {});
    const push = async (image: string): Promise<void> => await images.push(image, () => {}, sandbox.signal);
    await expect(push(`${registry.host}/shop/none:1`)).rejects.toMatchObject({
      code: 'ERR_PUSH_FAILED',
      message: `image ${registry.host}/shop/none:1 cannot be pushed: it is not on the Engine`,
    });
    const image = `${registry.host}/shop/web:2`;
    await docker('tag', BUSYBOX, image);
    try {
      await expect(push(image)).rejects.toMatchObject({
        code: 'ERR_PUSH_FAILED',
        message: `image ${image} cannot be pushed: its registry does not let you`,
      });
    } finally {
      await docker('rmi', image);
    }
  });
});
