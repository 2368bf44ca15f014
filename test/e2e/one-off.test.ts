import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { eventually, TestProject } from './project.ts';

const COMPOSE = `
services:
  job:
    x-wasm: {module: ${guestPath('tool')}}
    command: [args, from, the file]
    environment: {WHO: file}
    volumes: ["./data:/data"]
`;

/** No Engine is there: nothing of this may need one. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

describe('run of a Wasm service', () => {
  test('arguments, variables, mounts and the exit status; nothing of it is left', async ({ expect }) => {
    await using project = new TestProject('wrun', NO_ENGINE).write({
      'compose.yaml': COMPOSE,
      'data/file': 'shared\n',
    });
    const own = await project.run('run', 'job');
    expect(own, own.stderr).toMatchObject({ code: 0, stdout: 'from\nthe file' });
    expect(await project.run('run', '--rm', 'job', 'args', '-v', '--rm')).toMatchObject({ stdout: '-v\n--rm' });
    expect((await project.run('run', '-e', 'WHO=flag', 'job', 'env', 'WHO')).stdout).toContain('flag');
    expect(await project.run('run', 'job', 'read', '/data/file')).toMatchObject({ code: 0, stdout: 'shared' });
    expect(await project.run('run', 'job', 'exit', '6')).toMatchObject({ code: 6 });
    const both = await project.run('run', 'job', 'print', 'out=a', 'err=b');
    expect(both).toMatchObject({ code: 0, stdout: 'a', stderr: 'b' });
    const trapped = await project.run('run', 'job', 'trap');
    expect(trapped.code).toBe(134);
    expect(trapped.stderr).toContain('trap: unreachable');
    expect(await project.ps()).toEqual([]);
  });

  test('input is what is piped in; it ends with the end of file', async ({ expect }) => {
    await using project = new TestProject('winput', NO_ENGINE).write({ 'compose.yaml': COMPOSE });
    const lines = project.startPiped('run', 'job', 'lines');
    lines.child.stdin?.write('one\n');
    await eventually(() => expect(lines.stdout).toContain('got one'));
    lines.child.stdin?.end('two\n');
    expect(await lines.exited).toBe(0);
    expect(lines.stdout).toBe('got one\ngot two\nend of file\n');
    expect(await project.run('run', '-T', 'job', 'lines')).toMatchObject({ code: 0, stdout: 'end of file' });
  });

  test('output is whole, and stops with the third interrupt at the latest', async ({ expect }) => {
    await using project = new TestProject('wflood', NO_ENGINE).write({ 'compose.yaml': COMPOSE });
    const counted = await project.run('run', 'job', 'count', '50000');
    expect(counted.stdout.split('\n')).toHaveLength(50_000);
    const waiting = project.start('run', 'job', 'spin');
    await eventually(() => expect(waiting.stdout).toContain('spinning'));
    waiting.signal('SIGINT');
    waiting.signal('SIGINT');
    expect(await waiting.exited).toBe(137);
  });

  test('in the background: its output is in the log, it is no instance, down ends it', async ({ expect }) => {
    await using project = new TestProject('wbg', NO_ENGINE).write({ 'compose.yaml': COMPOSE });
    const ran = await project.run('run', '-d', 'job', 'spin');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(new RegExp(`^${project.name}-job-run-[0-9a-f]{12}$`));
    await eventually(async () => expect((await project.run('logs')).stdout).toContain('spinning'));
    expect(await project.ps()).toEqual([]);
    await project.run('down');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });
});
