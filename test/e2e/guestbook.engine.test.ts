import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

import { docker, eventually, freePort, TestProject } from './project.ts';

const file = fileURLToPath(new URL('../../examples/guestbook/compose.yaml', import.meta.url));

async function guestbook(): Promise<{ readonly project: TestProject; readonly url: string }> {
  const port = await freePort();
  const project = new TestProject('gb', { WEB_PORT: String(port) }).useFile(file);
  return { project, url: `http://127.0.0.1:${port}` };
}

async function visits(url: string): Promise<number> {
  const response = await fetch(url);
  const text = await response.text();
  const count = /visits?\D*(\d+)/i.exec(text)?.[1];
  if (!response.ok || count === undefined) throw new Error(`${response.status} ${text}`);
  return Number(count);
}

describe('guestbook: nginx -> Wasm -> Redis', () => {
  test('comes up healthy, counts visits through all three, shares its volume, and leaves nothing behind', async ({
    expect,
  }) => {
    const { project, url } = await guestbook();
    await using _project = project;
    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    const rows = await project.ps();
    expect(rows.map((row) => [row.Service, row.Kind, row.State, row.Health])).toEqual([
      ['api', 'wasm', 'running', 'healthy'],
      ['redis', 'container', 'running', 'healthy'],
      ['web', 'container', 'running', expect.any(String)],
    ]);

    const first = await visits(url);
    expect(await visits(url)).toBe(first + 1);
    const listed = await (await fetch(`${url}/visits/visits.log`)).text();
    expect(listed.trim().split('\n')).toHaveLength(2);
    const redis = rows.find((row) => row.Service === 'redis');
    const keys = await docker('exec', redis?.Name ?? '', 'redis-cli', '--scan');
    expect(keys).not.toBe('');

    const again = await project.run('up', '-d', '--dry-run');
    expect(again.stdout).toBe('nothing to do');

    const down = await project.run('down', '-v');
    expect(down, down.stderr).toMatchObject({ code: 0 });
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('attached up shows the logs of all services; Ctrl-C stops them and exits with 130', async ({ expect }) => {
    const { project, url } = await guestbook();
    await using _project = project;
    const up = project.start('up');
    await eventually(async () => await visits(url), 60_000);
    await eventually(() => {
      for (const prefix of ['api-1', 'redis-1', 'web-1']) expect(up.stdout + up.stderr).toContain(`${prefix} `);
    });
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect((await project.ps()).map((row) => [row.Service, row.State])).toEqual([
      ['api', 'exited'],
      ['redis', 'exited'],
      ['web', 'exited'],
    ]);
    await project.run('down', '-v');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('kill -9 of the supervisor: ps sees the truth, up converges, the count goes on, down leaves nothing', async ({
    expect,
  }) => {
    const { project, url } = await guestbook();
    await using _project = project;
    expect(await project.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    const before = await visits(url);
    const redis = (await project.ps()).find((row) => row.Service === 'redis')?.ID;

    process.kill(project.supervisorPid(), 'SIGKILL');
    const lost = await eventually(async () => {
      const rows = await project.ps();
      expect(rows.find((row) => row.Service === 'api')).toMatchObject({ State: 'exited', ExitCode: 137 });
      return rows;
    });
    expect(lost.find((row) => row.Service === 'redis')).toMatchObject({ State: 'running', ID: redis });
    // The relay ends with its supervisor, by itself.
    await eventually(async () =>
      expect(await docker('ps', '-a', '--filter', `name=${project.name}-api`, '-q')).toBe(''),
    );

    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect((await project.ps()).find((row) => row.Service === 'redis')?.ID).toBe(redis);
    expect(await eventually(async () => await visits(url))).toBe(before + 1);
    await project.run('down', '-v');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('kill -9 of the attached client leaves the project running', async ({ expect }) => {
    const { project, url } = await guestbook();
    await using _project = project;
    const up = project.start('up');
    await eventually(async () => await visits(url), 60_000);
    up.signal('SIGKILL');
    await up.exited;
    expect(await visits(url)).toBeGreaterThan(1);
    expect((await project.ps()).every((row) => row.State === 'running')).toBe(true);
    await project.run('down', '-v');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('two terminals work on one project', async ({ expect }) => {
    const { project, url } = await guestbook();
    await using _project = project;
    const ups = await Promise.all([project.run('up', '-d', '--wait'), project.run('up', '-d', '--wait')]);
    expect(
      ups.map((up) => up.code),
      ups.map((up) => up.stderr).join('\n--\n'),
    ).toEqual([0, 0]);
    expect(await docker('network', 'ls', '-q', '--filter', `label=com.docker.compose.project=${project.name}`)).toMatch(
      /^\w+$/,
    );
    const follow = project.start('logs', '-f', 'api');
    await visits(url);
    await eventually(() => expect(follow.stdout).toContain('GET /'));
    expect(await project.run('stop', 'web')).toMatchObject({ code: 0 });
    expect((await project.ps()).find((row) => row.Service === 'web')).toMatchObject({ State: 'exited' });
    expect(await project.run('start', 'web')).toMatchObject({ code: 0 });
    await eventually(async () => await visits(url));
    expect(await project.run('restart', 'api')).toMatchObject({ code: 0 });
    await eventually(async () => await visits(url));
  });

  test('the module is committed, small, and what the example names', ({ expect }) => {
    const bytes = readFileSync(fileURLToPath(new URL('../../examples/guestbook/api/api.wasm', import.meta.url)));
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from('\0asm'));
    expect(bytes.length).toBeLessThan(64 * 1024);
  });
});
