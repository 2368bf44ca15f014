import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { eventually, freePort, TestProject } from './project.ts';

/** Nothing answers there: what these projects do, they do without an Engine. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

function wasmProject(label: string, compose: string): TestProject {
  return new TestProject(label, NO_ENGINE).write({ 'compose.yaml': compose });
}

function server(port: number): string {
  return `
services:
  web:
    x-wasm:
      module: ${guestPath('http-poll')}
      healthcheck: {tcp: {port: 8080}}
    command: ["8080", "0.0.0.0"]
    healthcheck: {interval: 1s}
    ports: ["127.0.0.1:${port}:8080"]
`;
}

describe('a project of Wasm services without a Docker Engine', () => {
  test('comes up healthy, answers on its published port, and leaves nothing behind', async ({ expect }) => {
    const port = await freePort();
    await using project = wasmProject('solo', server(port));
    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('Hello, World!');
    expect(await project.ps()).toMatchObject([
      {
        Service: 'web',
        Kind: 'wasm',
        State: 'running',
        Health: 'healthy',
        Publishers: [{ URL: '127.0.0.1', TargetPort: 8080, PublishedPort: port }],
      },
    ]);
    expect((await project.run('up', '-d', '--dry-run')).stdout).toBe('nothing to do');
    const down = await project.run('down', '-v');
    expect(down, down.stderr).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('one service calls another by its name', async ({ expect }) => {
    await using project = wasmProject(
      'names',
      `
services:
  server:
    x-wasm: {module: ${guestPath('echo-v1')}, healthcheck: {tcp: {port: 7000}}}
    command: ["7000"]
    healthcheck: {interval: 1s}
  client:
    x-wasm: {module: ${guestPath('client')}}
    command: [server, "7000", hello, there]
    depends_on: {server: {condition: service_healthy}}
`,
    );
    const up = await project.run('up', '-d');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    await eventually(async () => {
      const { stdout } = await project.run('logs', '--no-log-prefix', 'client');
      expect(stdout).toContain('hello');
      expect(stdout).toContain('there');
    });
  });

  test('an attached up ends when its services have, with their lines in order and their exit codes', async ({
    expect,
  }) => {
    await using project = wasmProject(
      'batch',
      `
services:
  first:
    x-wasm: {module: ${guestPath('tool')}}
    command: [count, "200"]
  second:
    x-wasm: {module: ${guestPath('tool')}}
    command: [exit, "3"]
    depends_on: {first: {condition: service_completed_successfully}}
`,
    );
    const up = await project.run('up');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    const lines = up.stdout.split('\n').filter((line) => line.startsWith('first-1 ') && line.includes('line '));
    expect(lines.map((line) => line.slice(line.indexOf('line ')))).toEqual(
      Array.from({ length: 200 }, (_, i) => `line ${i}`),
    );
    expect(up.stdout).toContain('second-1 exited with code 3');
    expect((await project.ps()).map((row) => [row.Service, row.State, row.ExitCode])).toEqual([
      ['first', 'exited', 0],
      ['second', 'exited', 3],
    ]);
  });

  test('exit codes are still known when the supervisor has ended by itself', async ({ expect }) => {
    await using project = wasmProject(
      'past',
      `services: {job: {x-wasm: {module: ${guestPath('tool')}}, command: [exit, "5"]}}`,
    );
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    await eventually(() => expect(project.supervisorPids()).toEqual([]));
    expect(await project.ps()).toMatchObject([{ Service: 'job', State: 'exited', ExitCode: 5 }]);
    expect(await project.run('start')).toMatchObject({ code: 0 });
    expect(await project.run('down')).toMatchObject({ code: 0 });
  });

  test('a trap is told with the names of its functions, and only that service ends', async ({ expect }) => {
    const port = await freePort();
    await using project = wasmProject(
      'trap',
      `${server(port)}
  bad:
    x-wasm: {module: ${guestPath('tool')}}
    command: [trap]
`,
    );
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    await eventually(async () => {
      expect((await project.ps()).map((row) => [row.Service, row.State, row.ExitCode])).toEqual([
        ['bad', 'exited', 134],
        ['web', 'running', 0],
      ]);
    });
    const { stdout } = await project.run('logs', 'bad');
    expect(stdout).toContain('unreachable');
    expect(stdout).toContain('fall');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('a crash loop backs off, is shown as restarting, and ends with down', async ({ expect }) => {
    await using project = wasmProject(
      'loop',
      `services: {bad: {x-wasm: {module: ${guestPath('tool')}}, command: [exit, "1"], restart: always}}`,
    );
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.ps()).toMatchObject([{ State: 'restarting', ExitCode: 1 }]));
    expect(await project.run('down')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('kill -9 of the supervisor: the port is free, ps tells it, up brings it back', async ({ expect }) => {
    const port = await freePort();
    await using project = wasmProject('kill', server(port));
    expect(await project.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    process.kill(project.supervisorPid(), 'SIGKILL');
    await eventually(async () => await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow());
    expect(await project.ps()).toMatchObject([{ Service: 'web', State: 'exited', ExitCode: 137 }]);
    expect(await project.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('a service that computes for ever is stopped', async ({ expect }) => {
    await using project = wasmProject(
      'spin',
      `services: {busy: {x-wasm: {module: ${guestPath('tool')}}, command: [spin], stop_grace_period: 1s}}`,
    );
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    expect(await project.run('stop')).toMatchObject({ code: 0 });
    expect(await project.ps()).toMatchObject([{ State: 'exited', ExitCode: 137 }]);
  });

  test('volumes: a named one outlives the instance and goes with down -v, a read-only one cannot be written', async ({
    expect,
  }) => {
    await using project = wasmProject(
      'files',
      `
services:
  writer:
    x-wasm: {module: ${guestPath('tool')}}
    command: [append, /data/log, written]
    volumes: ["data:/data"]
  reader:
    x-wasm: {module: ${guestPath('tool')}}
    command: [read, /data/log]
    volumes: ["data:/data:ro"]
    depends_on: {writer: {condition: service_completed_successfully}}
  thief:
    x-wasm: {module: ${guestPath('tool')}}
    command: [append, /data/log, stolen]
    volumes: ["data:/data:ro"]
    depends_on: {reader: {condition: service_completed_successfully}}
volumes: {data: {}}
`,
    );
    const up = await project.run('up', '--no-log-prefix');
    expect(up.stdout).toContain('written');
    expect((await project.ps()).find((row) => row.Service === 'thief')).toMatchObject({ ExitCode: 1 });
    expect(await project.run('down')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([`directory ${project.name}_data`]));
    expect(await project.run('down', '-v')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });
});

describe('errors a user can make, without an Engine', () => {
  const cases = [
    {
      what: 'a container service needs an Engine and none answers: the services are named',
      compose: 'services: {db: {image: "redis:7-alpine"}, api: {x-wasm: {module: ./missing.wasm}}}',
      says: [/no Docker Engine/, /needed by: db/, /compose\.yaml:1:\d+/],
    },
    {
      what: 'the module is missing',
      compose: 'services:\n  api:\n    x-wasm:\n      module: ./missing.wasm\n',
      says: [/missing\.wasm/, /compose\.yaml:\d+:\d+/],
    },
    {
      what: 'the module is not Wasm',
      compose: 'services:\n  api:\n    x-wasm:\n      module: ./compose.yaml\n',
      says: [/compose\.yaml is not|not a Wasm|not WebAssembly/i, /compose\.yaml:\d+:\d+/],
    },
    {
      what: 'an unknown key, with the nearest known one',
      compose: 'services:\n  api:\n    x-wasm: {module: ./a.wasm}\n    envirnment: {A: b}\n',
      says: [/envirnment/, /environment/, /compose\.yaml:4:5/],
    },
    {
      what: 'an unknown key of x-wasm',
      compose: 'services:\n  api:\n    x-wasm: {modul: ./a.wasm}\n',
      says: [/modul\b/, /module/, /compose\.yaml:3:\d+/],
    },
    {
      what: 'a dependency cycle',
      compose:
        'services:\n  a: {x-wasm: {module: ./a.wasm}, depends_on: [b]}\n  b: {x-wasm: {module: ./a.wasm}, depends_on: [a]}\n',
      says: [/cycle/, /a -> b -> a|b -> a -> b/],
    },
    {
      what: 'not YAML',
      compose: 'services:\n  a: [1, 2\n',
      says: [/compose\.yaml:\d+:\d+/],
    },
  ] as const;

  test.for(cases)('$what', async ({ compose, says }, { expect }) => {
    await using project = wasmProject('oops', compose);
    const up = await project.run('up', '-d');
    expect(up.code, up.stderr).toBe(1);
    for (const pattern of says) expect(up.stderr).toMatch(pattern);
    expect(up.stderr).not.toMatch(/has a bug|\bat .*\(.*:\d+:\d+\)/);
    const down = await project.run('down', '-v');
    expect(down.stderr).not.toContain('has a bug');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('no compose file at all', async ({ expect }) => {
    await using project = new TestProject('none', NO_ENGINE);
    const up = await project.run('up');
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/no configuration file|compose\.yaml/);
  });

  test('a published port that is taken is named with its place in the file', async ({ expect }) => {
    const port = await freePort();
    await using first = wasmProject('holder', server(port));
    await using second = wasmProject('second', server(port));
    expect(await first.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    const up = await second.run('up', '-d', '--wait');
    expect(up.code).toBe(1);
    expect(up.stderr).toContain(String(port));
    expect(up.stderr).toMatch(/in use/);
    expect(up.stderr).toMatch(/compose\.yaml:9:\d+/);
    expect(await second.run('down')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await second.leftovers()).toEqual([]));
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });
});
