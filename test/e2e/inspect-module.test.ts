import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { TestProject } from './project.ts';

/** No Engine is there: nothing of this may need one but an image. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const COMPOSE = `
services:
  api:
    x-wasm: {module: ${guestPath('http-poll')}}
  cache:
    image: redis:7-alpine
`;

describe('inspect-module', () => {
  test('a file and a service are told alike; no supervisor is left', async ({ expect }) => {
    await using project = new TestProject('inspect', NO_ENGINE).write({ 'compose.yaml': COMPOSE });
    const file = await project.run('inspect-module', guestPath('http-poll'), '--format', 'json');
    expect(file, file.stderr).toMatchObject({ code: 0, stderr: '' });
    const service = await project.run('inspect-module', 'api', '--format', 'json');
    expect(JSON.parse(service.stdout)).toEqual(JSON.parse(file.stdout));
    expect((await project.run('inspect-module', 'api')).stdout).toContain('It can run as a service.');
    expect(await project.leftovers()).toEqual([]);
  });

  test('what cannot be looked at is an error with a way out', async ({ expect }) => {
    await using project = new TestProject('inspecterr', NO_ENGINE).write({ 'compose.yaml': COMPOSE, dir: '' });
    for (const [what, message] of [
      ['./none.wasm', /none\.wasm does not exist \[ERR_MODULE_NOT_FOUND\]/],
      ['./compose.yaml', /compose\.yaml is not a WebAssembly file \[ERR_MODULE_INVALID\]/],
      ['cache', /cache is a service of containers and has no module[^]*inspect-module redis:7-alpine/],
      ['some/image:1', /ERR_ENGINE_UNREACHABLE/],
    ] as const) {
      const found = await project.run('inspect-module', what);
      expect(found.code, what).toBe(1);
      expect(found.stderr).toMatch(message);
    }
  });
});
