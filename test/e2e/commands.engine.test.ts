import { mkdtempDisposableSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { eventually, TestProject } from './project.ts';

/** Needs a second for a graceful end, and says how it ended. */
const SLOW_END = `
services:
  slow:
    image: wcompose-test/busybox
    init: false
    command: [sh, -c, "trap 'echo ending; sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.1; done"]
`;

describe('Ctrl-C of an attached up', () => {
  test('gives the grace of -t in seconds, and the exit code is the service’s own', async ({ expect }) => {
    await using project = new TestProject('grace').write({ 'compose.yaml': SLOW_END });
    const up = project.start('up', '-t', '60');
    await eventually(() => expect(up.stdout).toContain('ready'));
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect(up.stdout).toContain('slow-1  | ending');
    expect(up.stdout).toContain('slow-1 exited with code 7');
  });

  test('twice kills what takes its time', async ({ expect }) => {
    await using project = new TestProject('twice').write({
      'compose.yaml': SLOW_END.replace('sleep 1; exit 7', 'sleep 600; exit 7'),
    });
    const up = project.start('up', '-t', '600');
    await eventually(() => expect(up.stdout).toContain('ready'));
    up.signal('SIGINT');
    await eventually(() => expect(up.stdout).toContain('ending'));
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect(up.stdout).toContain('slow-1 exited with code 137');
  });
});

/** A door to the Engine that can be shut: to the program behind it the Engine is away then. */
class EngineDoor implements AsyncDisposable {
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    const server = createServer((client) => {
      const engine = connect('/var/run/docker.sock');
      for (const [from, to] of [
        [client, engine],
        [engine, client],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve) => server.listen(this.#path, resolve));
    this.#server = server;
  }

  async shut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shut();
  }
}

describe('while the Engine is away', () => {
  test('ps shows Wasm services as they are and containers as unknown; an attached up tells it once', async ({
    expect,
  }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-door-'));
    const path = join(dir.path, 'engine.sock');
    await using door = new EngineDoor(path);
    await door.open();
    await using project = new TestProject('away', { DOCKER_HOST: `unix://${path}` }).write({
      'compose.yaml': `
services:
  box: {image: wcompose-test/busybox, command: [sleep, "3600"], stop_signal: SIGKILL}
  busy: {x-wasm: {module: ${guestPath('tool')}}, command: [spin], stop_grace_period: 0s}
`,
    });
    const states = async (): Promise<unknown> => (await project.ps()).map((row) => [row.Service, row.State]);
    const up = project.start('up');
    await eventually(async () =>
      expect(await states()).toEqual([
        ['box', 'running'],
        ['busy', 'running'],
      ]),
    );

    await door.shut();
    await eventually(() => expect(up.stderr).toContain('The Docker Engine does not answer'));
    const away = await project.run('ps');
    expect(away).toMatchObject({ code: 0 });
    expect(away.stderr).toContain('how containers are now is not known');
    expect(away.stdout).toMatch(/box .*Unknown \(was running\)/);
    expect(await states()).toEqual([
      ['box', 'unknown'],
      ['busy', 'running'],
    ]);

    await door.open();
    await eventually(() => expect(up.stderr).toContain('The Docker Engine is back'));
    await eventually(async () =>
      expect(await states()).toEqual([
        ['box', 'running'],
        ['busy', 'running'],
      ]),
    );
    expect(up.stderr.split('The Docker Engine does not answer')).toHaveLength(2);
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
  });
});
