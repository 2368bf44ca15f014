import { setInterval } from 'node:timers/promises';

import { test } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { eventually, freePort, TestProject } from './project.ts';

/** Nothing answers there: what this project does, it does without an Engine. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

/** A module of a few bytes whose tables want gigabytes. */
function tableBomb(tables: number): Uint8Array {
  const section = (id: number, ...content: readonly number[]): readonly number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const name = (text: string): readonly number[] => [text.length, ...Buffer.from(text)];
  const table = [0x70, 0, ...unsigned(10_000_000)];
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(4, ...unsigned(tables), ...Array.from({ length: tables }, () => table).flat()),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...name('memory'), 2, 0, ...name('_start'), 0, 0),
    ...section(10, 1, 2, 0, 0x0b),
  ]);
}

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** LEB128 */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...unsigned(Math.floor(value / 128))];
}

/** Asks without a pause to speak of until it is stopped, and tells of everything that was no answer. */
class Client {
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;
  readonly failures: string[] = [];
  asked = 0;

  constructor(url: string) {
    this.#asking = this.#ask(url);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking.catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  async #ask(url: string): Promise<void> {
    for await (const _tick of setInterval(10, undefined, { signal: this.#stop.signal })) {
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(20_000) });
        if ((await answer.text()) !== 'Hello, World!') this.failures.push(`status ${answer.status}`);
      } catch (error) {
        this.failures.push(String((error as Error).cause ?? error));
      }
      this.asked++;
    }
  }
}

test(
  'whatever way a guest dies, its neighbours go on without one failed request',
  { timeout: 180_000 },
  async ({ expect }) => {
    const port = await freePort();
    const web = `
services:
  web:
    x-wasm: {module: ${guestPath('http-poll')}, healthcheck: {tcp: {port: 8080}}}
    command: ["8080", "0.0.0.0"]
    healthcheck: {interval: 1s}
    ports: ["127.0.0.1:${port}:8080"]
`;
    const bad = (name: string, command: string, more = ''): string =>
      `  ${name}:\n    x-wasm: {module: ${guestPath('tool')}}\n    command: ${command}\n${more}`;
    await using project = new TestProject('deaths', NO_ENGINE).write({
      'compose.yaml': web,
      'one-table.wasm': tableBomb(1),
      'tables.wasm': tableBomb(1_000),
    });
    expect(await project.run('up', '-d', '--wait')).toMatchObject({ code: 0 });
    const pid = project.supervisorPid();
    const client = new Client(`http://127.0.0.1:${port}/`);
    project.write({
      'compose.yaml': [
        web,
        bad('trap', '[trap]'),
        bad('recursion', '[recurse]'),
        bad('greedy', '[grow, "4000"]', '    mem_limit: 64m\n'),
        bad('spin', '[spin]', '    stop_grace_period: 1s\n'),
        '  table: {x-wasm: {module: ./one-table.wasm}}\n',
        '  tables: {x-wasm: {module: ./tables.wasm}}\n',
      ].join(''),
    });
    const up = await project.run('up', '-d');
    // A module that cannot run is told with its place; the others run.
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/compose\.yaml:\d+:\d+: table: .*its tables have 10000000 entries/);
    expect(up.stderr).toMatch(/compose\.yaml:\d+:\d+: tables: .*its tables have 10000000 entries/);
    await eventually(async () => {
      expect((await project.ps()).map((row) => [row.Service, row.State, row.ExitCode])).toEqual([
        ['greedy', 'exited', 3],
        ['recursion', 'exited', 134],
        ['spin', 'running', 0],
        ['trap', 'exited', 134],
        ['web', 'running', 0],
      ]);
    });
    expect((await project.run('logs', 'greedy')).stdout).toMatch(/out of memory after \d\d MiB/);
    expect(await project.run('stop', 'spin')).toMatchObject({ code: 0 });
    expect((await project.ps()).find((row) => row.Service === 'spin')).toMatchObject({
      State: 'exited',
      ExitCode: 137,
    });
    await client.stop();
    expect(client.failures).toEqual([]);
    expect(client.asked).toBeGreaterThan(10);
    expect(project.supervisorPids()).toEqual([pid]);
  },
);
