import { describe, test } from 'vitest';

import { makePrivateDir, projectDirs } from '../../src/control/project-dirs.ts';
import { PROTOCOL_VERSION } from '../../src/control/protocol.ts';
import { serveControl } from '../../src/control/server.ts';
import type { Handlers } from '../../src/control/server.ts';
import { projectName } from '../../src/model/ids.ts';
import { guestPath } from '../guests/build.ts';
import { eventually, TestProject } from './project.ts';

function wasmProject(label: string, compose: string): TestProject {
  return new TestProject(label, { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }).write({ 'compose.yaml': compose });
}

const tool = guestPath('tool');
const SPIN = `services: {busy: {x-wasm: {module: ${tool}}, command: [spin], stop_grace_period: 0s}}`;

/** `after` waits for a service that never becomes healthy. */
const NEVER_READY = `
services:
  busy:
    x-wasm: {module: ${tool}, healthcheck: {tcp: {port: 9}}}
    command: [spin]
    stop_grace_period: 0s
    healthcheck: {interval: 1s, retries: 1000}
  after:
    x-wasm: {module: ${tool}}
    command: [count, "1"]
    depends_on: {busy: {condition: service_healthy}}
`;

describe('commands as a user types them, without an Engine', () => {
  test('an unknown service is an error that names the known ones; one that was not created yet is not', async ({
    expect,
  }) => {
    await using project = wasmProject('names', `${SPIN.slice(0, -1)}, idle: {x-wasm: {module: ${tool}}}}`);
    expect(await project.run('up', '-d', 'busy')).toMatchObject({ code: 0 });
    for (const command of ['ps', 'logs', 'stop']) {
      const wrong = await project.run(command, 'bussy');
      expect(wrong.code, command).toBe(1);
      expect(wrong.stderr).toContain('no such service: bussy [ERR_NO_SUCH_SERVICE]\n  the project has: busy, idle');
      expect(await project.run(command, 'idle'), command).toMatchObject({ code: 0 });
    }
  });

  test('up that is interrupted while it waits goes no further, and says so', async ({ expect }) => {
    await using project = wasmProject('cancel', NEVER_READY);
    const up = project.start('up', '-d');
    await eventually(() => expect(up.stderr).toContain('Waiting'));
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect(up.stderr).toContain('Interrupted');
    // The next request comes when this one has ended.
    expect(await project.run('start', 'busy')).toMatchObject({ code: 0 });
    expect((await project.ps()).map((row) => [row.Service, row.State])).toEqual([
      ['after', 'created'],
      ['busy', 'running'],
    ]);
  });

  test('up that another terminal brings down says why it was not done; a dry run of down ends nothing', async ({
    expect,
  }) => {
    await using project = wasmProject('twoends', NEVER_READY);
    const up = project.start('up', '-d');
    await eventually(() => expect(up.stderr).toContain('Waiting'));
    const dry = project.start('down', '--dry-run');
    const down = await project.run('down');
    expect(down, down.stderr).toMatchObject({ code: 0 });
    expect(await up.exited).toBe(1);
    expect(up.stderr).toContain('another command (down) came in between');
    expect(await dry.exited).toBe(0);
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });

  test('an attached up whose supervisor is killed, or told to end, says so in words', async ({ expect }) => {
    await using project = wasmProject('lost', SPIN);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const up = project.start('up');
      await eventually(() => expect(up.stderr).toContain('Started'));
      process.kill(project.supervisorPid(), signal);
      expect(await up.exited, signal).toBe(1);
      expect(up.stderr).toContain('[ERR_SUPERVISOR_LOST]');
      expect(up.stderr).not.toContain('    at ');
      await eventually(() => expect(project.supervisorPids()).toEqual([]));
    }
  });

  test('down and up in one breath: each run has its log, and its supervisor is the only one', async ({ expect }) => {
    await using project = wasmProject(
      'breath',
      `services: {job: {x-wasm: {module: ${tool}}, command: [count, "1"]}, busy: {x-wasm: {module: ${tool}}, command: [spin], stop_grace_period: 0s}}`,
    );
    for (let round = 0; round < 3; round++) {
      const up = await project.run('up', '-d');
      expect(up, up.stderr).toMatchObject({ code: 0 });
      await eventually(async () => expect((await project.run('logs', 'job')).stdout).toBe('job-1  | line 0'));
      expect(project.supervisorPids()).toHaveLength(1);
      expect(await project.run('down')).toMatchObject({ code: 0 });
    }
  });

  test('a finished job is brought down without a warning, and what never was is said to be not there', async ({
    expect,
  }) => {
    await using project = wasmProject('past', `services: {job: {x-wasm: {module: ${tool}}, command: [count, "1"]}}`);
    expect(await project.run('up')).toMatchObject({ code: 0 });
    await eventually(() => expect(project.supervisorPids()).toEqual([]));
    expect(await project.run('down')).toMatchObject({ code: 0, stderr: '' });
    expect((await project.run('down')).stderr).toContain('No resource found to remove');
    expect((await project.run('stop')).stderr).toContain('`wcompose up` creates it');
  });

  test('a supervisor of another version may be asked and told to stop, and starts nothing', async ({ expect }) => {
    await using project = wasmProject('skew', SPIN);
    const dirs = projectDirs(projectName(project.name), project.env);
    makePrivateDir(dirs.run);
    const info = { version: '0.0.1', protocol: PROTOCOL_VERSION, project: project.name, pid: process.pid };
    const ended = async function* (): AsyncGenerator {
      yield { type: 'end', ok: true, failures: [] };
    };
    const never = async (): Promise<never> => await Promise.reject(new Error('nobody asks for this'));
    const handlers: Handlers = {
      'POST /v1/instances': never,
      'POST /v1/pull': never,
      'POST /v1/build': never,
      'POST /v1/push': never,
      'POST /v1/images': never,
      'POST /v1/copy-targets': never,
      'POST /v1/wait': never,
      'POST /v1/top': never,
      'GET /v1/stats': never,
      'GET /v1/changes': never,
      'GET /v1/info': async () => info,
      'GET /v1/instances': async () => ({ instances: [], services: [] }),
      'PUT /v1/project': async () => ended(),
      'DELETE /v1/project': async () => ended(),
      'POST /v1/services': async () => ended(),
      'GET /v1/events': async () => ended(),
      'GET /v1/logs': async () => ended(),
    };
    const server = await serveControl(dirs.socket, handlers, () => {});
    try {
      for (const command of [['ps'], ['stop'], ['down']]) {
        expect(await project.run(...command), command[0]).toMatchObject({ code: 0, stderr: '' });
      }
      for (const command of [['up', '-d'], ['start'], ['restart']]) {
        const refused = await project.run(...command);
        expect(refused.code, command[0]).toBe(1);
        expect(refused.stderr).toContain('is wcompose 0.0.1 and this is');
        expect(refused.stderr).toContain('run `wcompose down` and then this command again');
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
