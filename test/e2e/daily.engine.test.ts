import { execa } from 'execa';
import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { docker, eventually, program, TestProject } from './project.ts';

const IMAGE = 'wcompose-test/busybox:latest';

const COMPOSE = `
services:
  box:
    image: ${IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    environment: {WHO: file}
    volumes: [/anonymous]
    depends_on: {ready: {condition: service_healthy}}
  ready:
    image: ${IMAGE}
    command: [sh, -c, "touch /tmp/ready; exec sleep 3600"]
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, test, -f, /tmp/ready], interval: 1s}
  tool:
    x-wasm: {module: ${guestPath('tool')}}
    command: [wait]
`;

async function brought(label: string): Promise<TestProject> {
  const project = new TestProject(label).write({ 'compose.yaml': COMPOSE });
  const up = await project.run('up', '-d');
  if (up.code !== 0) throw new Error(up.stderr);
  return project;
}

/** In a terminal of its own, as a person has one. */
async function inTerminal(project: TestProject, args: readonly string[]): Promise<{ code: number; output: string }> {
  const command = [process.execPath, program, '-p', project.name, ...args]
    .map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)
    .join(' ');
  const result = await execa('script', ['-qec', command, '/dev/null'], {
    cwd: project.dir,
    env: project.env,
    reject: false,
    all: true,
    input: '',
  });
  return { code: result.exitCode ?? -1, output: result.all };
}

async function containers(project: TestProject): Promise<readonly string[]> {
  const filter = `label=com.docker.compose.project=${project.name}`;
  const names = await docker('ps', '-a', '--filter', filter, '--format', '{{.Names}}');
  return names.split('\n').filter((name) => name !== '');
}

describe('exec', () => {
  test('in a container: streams, status, variables, user, directory, input, background, errors', async ({ expect }) => {
    await using project = await brought('exec');
    const ran = await project.run('exec', '-T', 'box', 'sh', '-c', 'echo out; echo err >&2; exit 7');
    expect(ran).toMatchObject({ code: 7, stdout: 'out', stderr: 'err' });
    const flags = ['-T', '-e', 'WHO=flag', '-u', '1000', '-w', '/tmp'];
    const told = await project.run('exec', ...flags, 'box', 'sh', '-c', 'echo $WHO $(id -u) $(pwd)');
    expect(told).toMatchObject({ code: 0, stdout: 'flag 1000 /tmp' });
    const input = 'line\n'.repeat(200_000);
    const counted = await execa(process.execPath, [program, '-p', project.name, 'exec', '-T', 'box', 'wc', '-c'], {
      cwd: project.dir,
      env: project.env,
      input,
    });
    expect(counted.stdout.trim()).toBe(String(input.length));
    expect(await project.run('exec', '-d', 'box', 'touch', '/tmp/background')).toMatchObject({ code: 0 });
    await eventually(async () =>
      expect(await project.run('exec', 'box', 'test', '-f', '/tmp/background')).toMatchObject({ code: 0 }),
    );
    const missing = await project.run('exec', 'box', 'no-such-program');
    expect([126, 127]).toContain(missing.code);
    expect(missing.stdout + missing.stderr).toContain('no-such-program');
    const module = await project.run('exec', 'tool', 'ls');
    expect(module).toMatchObject({ code: 1 });
    expect(module.stderr).toContain('wcompose run tool ARGS');
    expect((await project.run('exec', '--index', '4', 'box', 'true')).stderr).toContain('no instance number 4');
    expect((await project.run('exec', 'nope', 'true')).stderr).toContain('service nope is not running');
  });

  test('with a terminal: the command has one too, and its status is ours', async ({ expect }) => {
    await using project = await brought('tty');
    const { code, output } = await inTerminal(project, [
      'exec',
      'box',
      'sh',
      '-c',
      'test -t 0 && test -t 1 && echo yes; exit 5',
    ]);
    expect(output).toContain('yes');
    expect(code).toBe(5);
    const without = await inTerminal(project, ['exec', '-T', 'box', 'sh', '-c', 'test -t 1 || echo none']);
    expect(without.output).toContain('none');
  });
});

describe('run', () => {
  test('dependencies first, ports unpublished, status and streams ours, nothing left with --rm', async ({ expect }) => {
    await using project = new TestProject('run').write({ 'compose.yaml': COMPOSE });
    const ran = await project.run('run', '--rm', 'box', 'sh', '-c', 'echo $WHO; echo err >&2; exit 3');
    expect(ran, ran.stderr).toMatchObject({ code: 3, stdout: 'file' });
    expect(ran.stderr).toMatch(/err$/);
    expect(await containers(project)).toEqual([`${project.name}-ready-1`]);
    expect((await project.ps()).map((row) => [row.Service, row.Health])).toEqual([['ready', 'healthy']]);
    const volumes = await docker('volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${project.name}`);
    expect(volumes).toBe('');
    const piped = await execa(
      process.execPath,
      [
        program,
        '-p',
        project.name,
        'run',
        '--rm',
        '-T',
        '--no-deps',
        '-e',
        'WHO=flag',
        'box',
        'sh',
        '-c',
        'cat; echo $WHO',
      ],
      { cwd: project.dir, env: project.env, input: 'piped\n' },
    );
    expect(piped.stdout).toBe('piped\nflag');
  });

  test('what cannot start leaves nothing', async ({ expect }) => {
    await using project = new TestProject('runbad').write({ 'compose.yaml': COMPOSE });
    const ran = await project.run('run', '--no-deps', 'box', 'no-such-program');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('no-such-program');
    expect(await containers(project)).toEqual([]);
  });

  test('in the background: named, labelled as docker compose does, no instance of its service; down removes it', async ({
    expect,
  }) => {
    await using project = new TestProject('runbg').write({ 'compose.yaml': COMPOSE });
    const ran = await project.run('run', '-d', '--no-deps', 'box', 'sleep', '1000');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(new RegExp(`^${project.name}-box-run-[0-9a-f]{12}$`));
    const labels = await docker('inspect', '-f', '{{json .Config.Labels}}', ran.stdout);
    expect(JSON.parse(labels)).toMatchObject({
      'com.docker.compose.oneoff': 'True',
      'com.docker.compose.service': 'box',
      'com.docker.compose.slug': ran.stdout.slice(-12),
    });
    expect(await project.ps()).toEqual([]);
    expect(await project.run('down', '-v')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('with a terminal; without one it outlives a client that is killed, and is removed when it has ended', async ({
    expect,
  }) => {
    await using project = new TestProject('runtty').write({ 'compose.yaml': COMPOSE });
    const shell = await inTerminal(project, [
      'run',
      '--rm',
      '--no-deps',
      'box',
      'sh',
      '-c',
      'test -t 0 && echo yes; exit 6',
    ]);
    expect(shell.output).toContain('yes');
    expect(shell.code).toBe(6);
    const client = project.start(
      'run',
      '--rm',
      '-T',
      '--no-deps',
      'box',
      'sh',
      '-c',
      'echo begun; sleep 2; touch /anonymous/x',
    );
    await eventually(() => expect(client.stdout).toContain('begun'));
    client.signal('SIGKILL');
    await client.exited;
    // Without a terminal it goes on, and is removed when it has ended.
    expect(await containers(project)).toHaveLength(1);
    await eventually(async () => expect(await containers(project)).toEqual([]));
  });
});

describe('kill, pause, rm', () => {
  test('pause and unpause, a signal, rm of what has ended', async ({ expect }) => {
    await using project = await brought('kill');
    expect((await project.run('pause', 'tool')).stderr).toContain('it cannot be paused');
    expect(await project.run('pause', 'box')).toMatchObject({ code: 0 });
    expect((await project.ps()).find((row) => row.Service === 'box')).toMatchObject({ State: 'paused' });
    expect(await project.run('unpause')).toMatchObject({ code: 0 });
    expect((await project.run('kill', '-s', 'HUP', 'tool')).stderr).toContain('takes no SIGHUP');
    expect(await project.run('kill', 'box', 'tool')).toMatchObject({ code: 0 });
    await eventually(async () =>
      expect((await project.ps()).map((row) => [row.Service, row.State, row.ExitCode])).toEqual([
        ['box', 'exited', 137],
        ['ready', 'running', 0],
        ['tool', 'exited', 137],
      ]),
    );
    // No answer is no.
    expect((await project.run('rm', 'box')).stderr).toContain('Are you sure?');
    expect((await project.ps()).map((row) => row.Service)).toContain('box');
    expect(await project.run('rm', '-f', '-v')).toMatchObject({ code: 0 });
    expect((await project.ps()).map((row) => row.Service)).toEqual(['ready']);
    const volumes = await docker('volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${project.name}`);
    expect(volumes).toBe('');
    expect(await project.run('rm', '-fs', 'ready')).toMatchObject({ code: 0 });
    expect(await project.ps()).toEqual([]);
    expect((await project.run('rm', '-f', 'nope')).code).toBe(1);
  });
});

describe('listings and numbers of replicas', () => {
  const compose = `
services:
  box:
    image: ${IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:0:80"]
  fin:
    image: ${IMAGE}
    command: [sh, -c, "sleep 1; exit 3"]
  tool:
    x-wasm: {module: ${guestPath('tool')}}
    command: [wait]
`;

  test('create, events, up --scale, wait, port, images, top, scale, ls', async ({ expect }) => {
    await using project = new TestProject('lists').write({ 'compose.yaml': compose });
    expect(await project.run('create')).toMatchObject({ code: 0 });
    expect((await project.ps()).map((row) => row.State)).toEqual(['created', 'created', 'created']);
    const events = project.start('events', '--json');
    const up = await project.run('up', '-d', '--scale', 'tool=2');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(await project.run('wait', 'fin')).toMatchObject({ code: 3 });
    // Nothing says when the events begin: something happens until one is seen of each kind.
    await eventually(async () => {
      expect(await project.run('kill', 'box', 'tool')).toMatchObject({ code: 0 });
      expect(await project.run('start', 'box', 'tool')).toMatchObject({ code: 0 });
      expect(events.stdout).toContain('"type":"container","action":"die"');
      expect(events.stdout).toContain('"type":"wasm","action":"die"');
    }, 60_000);
    events.signal('SIGINT');
    expect(await events.exited).toBe(130);
    for (const line of events.stdout.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), attributes: { name: expect.any(String) } });
    }
    expect((await project.run('port', 'box', '80')).stdout).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await project.run('port', 'box', '81')).stderr).toContain('does not publish port 81/tcp');
    const images = JSON.parse((await project.run('images', '--format', 'json', 'box', 'tool')).stdout) as unknown;
    expect(images).toMatchObject([
      { ContainerName: `${project.name}-box-1`, Repository: 'wcompose-test/busybox', Tag: 'latest' },
      { ContainerName: `${project.name}-tool-1`, Kind: 'wasm', Platform: 'wasi/wasm' },
      { ContainerName: `${project.name}-tool-2` },
    ]);
    expect((await project.run('top', 'box')).stdout).toContain('sleep 3600');
    expect(await project.run('scale', 'tool=1', 'box=0')).toMatchObject({ code: 0 });
    expect((await project.ps()).map((row) => row.Name)).toEqual([`${project.name}-fin-1`, `${project.name}-tool-1`]);
    const listed = JSON.parse((await project.run('ls', '--format', 'json')).stdout) as readonly { Name: string }[];
    expect(listed.find((one) => one.Name === project.name)).toMatchObject({ Status: 'exited(1), running(1)' });
  });

  test('pull: what is there with --policy missing, what cannot be had, and going on all the same', async ({
    expect,
  }) => {
    await using project = new TestProject('pull').write({
      'compose.yaml': `
services:
  box: {image: "${IMAGE}"}
  none: {image: "localhost:1/none:1"}
  tool: {x-wasm: {module: ${guestPath('tool')}}}
`,
    });
    expect(await project.run('pull', '--policy', 'missing', 'box')).toMatchObject({ code: 0 });
    const failed = await project.run('pull', '--policy', 'missing', '-q');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('localhost:1/none:1');
    expect(await project.run('pull', '--policy', 'missing', '--ignore-pull-failures')).toMatchObject({ code: 0 });
  });

  test('up ends with the status that was asked for', async ({ expect }) => {
    await using project = new TestProject('exits').write({ 'compose.yaml': compose });
    expect(await project.run('up', '--abort-on-container-exit')).toMatchObject({ code: 0 });
    expect(await project.run('up', '--abort-on-container-failure')).toMatchObject({ code: 3 });
    expect(await project.run('up', '--exit-code-from', 'fin')).toMatchObject({ code: 3 });
    expect(await project.run('up', '--exit-code-from', 'tool')).toMatchObject({ code: 137 });
    expect((await project.ps()).map((row) => row.State)).toEqual(['exited', 'exited', 'exited']);
  });
});
