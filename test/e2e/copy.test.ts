import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { TestProject } from './project.ts';

const COMPOSE = `
services:
  api:
    x-wasm: {module: ${guestPath('http-poll')}}
    volumes: [./data:/data, ./fixed:/fixed:ro]
    tmpfs: [/scratch]
`;

describe('cp and attach of a Wasm service', () => {
  test('files go where its mounts let it write, and nowhere else', async ({ expect }) => {
    await using project = new TestProject('copy', { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }).write({
      'compose.yaml': COMPOSE,
      'data/old': 'old',
      'fixed/kept': 'kept',
      'site/a/b.txt': 'b',
      'one.txt': 'one',
    });
    const at = (path: string): string => readFileSync(join(project.dir, path), 'utf8');
    expect(await project.run('up', '-d', '--no-start')).toMatchObject({ code: 0 });
    for (const [from, to] of [
      ['one.txt', 'api:/data'],
      ['one.txt', 'api:/data/two.txt'],
      ['site', 'api:/data'],
      ['site/.', 'api:/data/new'],
      ['api:/data', 'out'],
      ['api:/data/new/.', 'out'],
    ] as const) {
      const done = await project.run('cp', from, to);
      expect(done, `${from} ${to} ${done.stderr}`).toMatchObject({ code: 0, stderr: '' });
    }
    expect([at('data/one.txt'), at('data/two.txt'), at('data/site/a/b.txt'), at('data/new/a/b.txt')]).toEqual([
      'one',
      'one',
      'b',
      'b',
    ]);
    expect([at('out/old'), at('out/new/a/b.txt'), at('out/a/b.txt')]).toEqual(['old', 'b', 'b']);

    mkdirSync(join(project.dir, 'secret'));
    symlinkSync(join(project.dir, 'secret'), join(project.dir, 'data/way-out'));
    for (const [from, to, message] of [
      ['one.txt', 'api:/fixed/', 'the service may only read there'],
      ['one.txt', 'api:/etc-not-mounted', 'the service may only read there'],
      ['one.txt', 'api:/data/way-out/', 'there is no directory /data/way-out/'],
      ['one.txt', 'api:/data/nowhere/', 'there is no directory /data/nowhere/'],
      ['site', 'api:/data/old', 'a file is there'],
      ['one.txt', 'api:/scratch/', 'is in the memory of its instances'],
      ['api:/data/way-out/x', 'out', 'the path leaves what is mounted'],
      ['api:/data/none', 'out', 'there is no such file or directory'],
      ['api:/data', 'one.txt', 'a file is there'],
      ['none.txt', 'api:/data', 'there is no none.txt'],
      ['one.txt', 'two.txt', 'one of the two has to be SERVICE:PATH'],
      ['one.txt', 'web:/data', 'there is no instance of service web'],
    ] as const) {
      const refused = await project.run('cp', from, to);
      expect(refused.stderr, `${from} ${to}`).toContain(message);
      expect(refused.code).toBe(1);
    }
  });

  test('attach hands over the input, shows what is printed and ends with the instance', async ({ expect }) => {
    await using project = new TestProject('attach', { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }).write({
      'compose.yaml': `services: {echo: {stdin_open: true, command: [lines], x-wasm: {module: ${guestPath('tool')}}}}`,
    });
    expect((await project.run('up', '-d')).code).toBe(0);
    const attached = project.startPiped('attach', 'echo');
    attached.child.stdin?.end('typed\n');
    expect(await attached.exited, attached.stderr).toBe(0);
    expect(attached.stdout).toBe('got typed\nend of file\n');
  });
});
