import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { eventually, TestProject } from './project.ts';

const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

/** "Builds" by copying a guest; `app.args` stands for its source. */
function compose(script: string): string {
  return `
services:
  app:
    x-wasm:
      build:
        command: ${JSON.stringify(script)}
        output: ./out/app.wasm
    command: [wait]
`;
}

const copy = (guest: string): string => `echo compiling the app; mkdir -p out && cp ${guest} out/app.wasm`;

describe('modules that are built on the host', () => {
  test('up builds what is missing, and only that; --build makes the service anew when its module changed', async ({
    expect,
  }) => {
    await using project = new TestProject('build', NO_ENGINE).write({
      'compose.yaml': compose(copy(guestPath('tool'))),
    });
    const up = await project.run('up', '-d');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(up.stderr).toContain('Building');
    expect((await project.run('logs', 'app')).stdout).toContain('compiling the app');

    const again = await project.run('up', '-d');
    expect(again.stderr).not.toContain('Building');
    const same = await project.run('up', '-d', '--build');
    expect(same.stderr).toContain('Building');
    expect(same.stderr).not.toContain('Created');

    project.write({ 'compose.yaml': compose(copy(guestPath('http-poll'))) });
    const changed = await project.run('up', '-d', '--build');
    expect(changed, changed.stderr).toMatchObject({ code: 0 });
    expect(changed.stderr).toContain('Created');
  });

  test('a build that fails says why and where, and leaves what runs as it is', async ({ expect }) => {
    await using project = new TestProject('nobuild', NO_ENGINE).write({
      'compose.yaml': compose(copy(guestPath('tool'))),
    });
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    project.write({ 'compose.yaml': compose('echo "app.c:1:1: error: expected expression" >&2; exit 1') });
    const failed = await project.run('up', '-d', '--build');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('app.c:1:1: error: expected expression');
    expect(failed.stderr).toMatch(/compose\.yaml:5:\d+/);
    expect(await project.ps()).toMatchObject([{ Service: 'app', State: 'running' }]);
  });

  test('--no-build with a missing module is an error that names it', async ({ expect }) => {
    await using project = new TestProject('skip', NO_ENGINE).write({
      'compose.yaml': compose(copy(guestPath('tool'))),
    });
    const up = await project.run('up', '-d', '--no-build');
    expect(up.code).toBe(1);
    expect(up.stderr).toContain('app.wasm');
    await project.run('down');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });
});
