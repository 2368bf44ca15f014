import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

/** What compose files of the tests name. */
const IMAGES = ['wcompose-test/busybox:latest', 'redis:7-alpine', 'nginx:1.29-alpine'];

/**
 * An Engine that answers and the images of the tests; without them the tests fail. Only `WCOMPOSE_TEST_ENGINE=off`, said
 * by a person, skips them.
 */
export async function setup(): Promise<void> {
  if (process.env['WCOMPOSE_TEST_ENGINE'] === 'off') return;
  await script('engine.sh');
  await script('images.sh', ...IMAGES);
}

async function script(name: string, ...args: readonly string[]): Promise<void> {
  const path = fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
  await execa('bash', [path, ...args], { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' });
}
