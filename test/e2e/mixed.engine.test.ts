import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { docker, eventually, freePort, TestProject } from './project.ts';

/** A small image of the tests: busybox as `sh`, `wget`, `nc`, `sleep`. */
const IMAGE = 'wcompose-test/busybox:latest';

const web = (extra = ''): string => `
  web:
    x-wasm: {module: ${guestPath('http-poll')}, healthcheck: {tcp: {port: 8080}}}
    command: ["8080", "0.0.0.0"]
    healthcheck: {interval: 1s}
${extra}`;

const box = (extra = ''): string => `
  box:
    image: ${IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
${extra}`;

/** What a container gets from the service `web`. */
async function getWeb(container: string): Promise<string> {
  return await docker('exec', container, 'timeout', '5', 'wget', '-q', '-O', '-', 'http://web:8080/');
}

describe('containers and Wasm services on one network', () => {
  test('a container reaches a Wasm service by its name; stopped, the name is gone; started again, it answers', async ({
    expect,
  }) => {
    await using project = new TestProject('reach').write({ 'compose.yaml': `services:${web()}${box()}` });
    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    const get = async (): Promise<string> => await getWeb(`${project.name}-box-1`);
    expect(await get()).toBe('Hello, World!');
    expect(await project.run('stop', 'web')).toMatchObject({ code: 0 });
    await expect(get()).rejects.toThrow(/bad address/);
    expect(await project.run('start', 'web')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await get()).toBe('Hello, World!'));
  });

  test('networks are walls in both directions', async ({ expect }) => {
    await using project = new TestProject('walls').write({
      'compose.yaml': `
services:
${web('    networks: [left]')}
${box('    networks: [right]')}
  server:
    image: ${IMAGE}
    command: [nc, -ll, -p, "7000", -e, cat]
    stop_signal: SIGKILL
    networks: [right]
  spy:
    x-wasm: {module: ${guestPath('client')}}
    command: [server, "7000", hello]
    networks: [left]
    depends_on: [server]
networks: {left: {}, right: {}}
`,
    });
    const up = await project.run('up', '-d');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    await expect(getWeb(`${project.name}-box-1`)).rejects.toThrow(/bad address/);
    await eventually(async () => {
      const spy = (await project.ps()).find((row) => row.Service === 'spy');
      expect(spy).toMatchObject({ State: 'exited' });
      expect(spy?.ExitCode).not.toBe(0);
    });
  });

  test('a Wasm service is refused an address of a network it is not on, and its log says why', async ({ expect }) => {
    await using project = new TestProject('deny').write({
      'compose.yaml': `
services:
${box('    networks: [right]')}
networks: {left: {}, right: {}}
`,
    });
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    const address = await docker(
      'inspect',
      '-f',
      `{{(index .NetworkSettings.Networks "${project.name}_right").IPAddress}}`,
      `${project.name}-box-1`,
    );
    project.write({
      'compose.yaml': `
services:
${box('    networks: [right]')}
  spy:
    x-wasm: {module: ${guestPath('client')}}
    command: ["${address}", "7000", hello]
    networks: [left]
networks: {left: {}, right: {}}
`,
    });
    expect(await project.run('up', '-d')).toMatchObject({ code: 0 });
    await eventually(async () => expect((await project.run('logs', 'spy')).stdout).toContain(address));
    const { stdout } = await project.run('logs', 'spy');
    expect(stdout).toContain(`spy#1 may not connect to ${address} port 7000: it is on network ${project.name}_right`);
  });

  test('a bind is shared live, and a file the container wrote is read by the Wasm service', async ({ expect }) => {
    await using project = new TestProject('bind').write({
      'compose.yaml': `
services:
  writer:
    image: ${IMAGE}
    command: [sh, -c, "echo from the container > /data/file"]
    volumes: ["./data:/data"]
  reader:
    x-wasm: {module: ${guestPath('tool')}}
    command: [read, /data/file]
    volumes: ["./data:/data:ro"]
    depends_on: {writer: {condition: service_completed_successfully}}
`,
    });
    const up = await project.run('up', '--no-log-prefix');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(up.stdout).toContain('from the container');
  });

  test('files a container made as root in a shared volume go with down -v', async ({ expect }) => {
    await using project = new TestProject('rootfiles').write({
      'compose.yaml': `
services:
  writer:
    image: ${IMAGE}
    command: [sh, -c, "mkdir -p /data/deep/er && echo x > /data/deep/er/file && chmod 700 /data/deep"]
    volumes: ["data:/data"]
  reader:
    x-wasm: {module: ${guestPath('tool')}}
    command: [exit, "0"]
    volumes: ["data:/data"]
volumes: {data: {}}
`,
    });
    expect(await project.run('up')).toMatchObject({ code: 0 });
    expect(await docker('volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${project.name}`)).toBe(
      `${project.name}_data`,
    );
    expect(await project.run('down', '-v')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });
});

describe('errors a user can make, with an Engine', () => {
  test('the image is missing: named with its place, what is independent runs, down removes all', async ({ expect }) => {
    await using project = new TestProject('noimage').write({
      'compose.yaml': `
services:
  good:
    image: ${IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
  bad:
    image: wcompose-test/no-such-image:1
    pull_policy: never
`,
    });
    const up = await project.run('up', '-d');
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/wcompose-test\/no-such-image:1/);
    expect(up.stderr).toMatch(/compose\.yaml:\d+:\d+/);
    expect((await project.ps()).map((row) => [row.Service, row.State])).toEqual([['good', 'running']]);
    expect(await project.run('down', '-v')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('a container port that is taken is named with its place in the file, and down removes what was made', async ({
    expect,
  }) => {
    const port = await freePort();
    const compose = `
services:
  box:
    image: ${IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:${port}:80"]
`;
    await using first = new TestProject('holder').write({ 'compose.yaml': compose });
    await using second = new TestProject('second').write({ 'compose.yaml': compose });
    expect(await first.run('up', '-d')).toMatchObject({ code: 0 });
    const up = await second.run('up', '-d');
    expect(up.code).toBe(1);
    expect(up.stderr).toContain(String(port));
    expect(up.stderr).toMatch(/compose\.yaml:7:\d+/);
    expect(await second.run('down')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await second.leftovers()).toEqual([]));
  });

  test("a network of the project's name that is not ours is neither used nor removed", async ({ expect }) => {
    await using project = new TestProject('foreign').write({ 'compose.yaml': `services:${box()}` });
    const network = `${project.name}_default`;
    await docker('network', 'create', network);
    try {
      const up = await project.run('up', '-d');
      expect(up.code).toBe(1);
      expect(up.stderr).toContain(network);
      await project.run('down');
      expect(await docker('network', 'ls', '-q', '--filter', `name=^${network}$`)).not.toBe('');
    } finally {
      await docker('network', 'rm', network);
    }
  });

  test('a container that somebody removed behind our back comes back with up', async ({ expect }) => {
    await using project = new TestProject('behind').write({ 'compose.yaml': `services:${web()}${box()}` });
    expect(await project.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    await docker('rm', '-f', `${project.name}-box-1`);
    expect((await project.ps()).map((row) => row.Service)).toEqual(['web']);
    const again = await project.run('up', '-d', '--wait');
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect((await project.ps()).map((row) => [row.Service, row.State])).toEqual([
      ['box', 'running'],
      ['web', 'running'],
    ]);
  });

  test('a relay that somebody removed behind our back is put back', async ({ expect }) => {
    await using project = new TestProject('norelay').write({ 'compose.yaml': `services:${web()}${box()}` });
    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    await docker('rm', '-f', `${project.name}-web-1`);
    await eventually(async () => expect(await getWeb(`${project.name}-box-1`)).toBe('Hello, World!'));
  });
});
