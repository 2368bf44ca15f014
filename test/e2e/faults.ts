import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import type { ExpectStatic } from 'vitest';

import { guestPath } from '../guests/build.ts';
import { docker, eventually, freePort, TestProject } from './project.ts';

/** A small image of the tests: busybox as `nc`, `wget`, `sleep`. */
export const IMAGE = 'wcompose-test/busybox:latest';

/**
 * A project of one container and one Wasm service that need each other: `gate` answers each request with what the
 * echo server in `box` says. They share a volume, and each is on a network of its own beside the one they share.
 */
export class MixedProject extends TestProject {
  readonly port: number;

  private constructor(label: string, port: number, env: Readonly<Record<string, string>>) {
    super(label, env);
    this.port = port;
    this.write({ 'compose.yaml': compose(port) });
  }

  static async open(label: string, env: Readonly<Record<string, string>> = {}): Promise<MixedProject> {
    return new MixedProject(label, await freePort(), env);
  }

  get box(): string {
    return `${this.name}-box-1`;
  }

  get relay(): string {
    return `${this.name}-gate-1`;
  }

  /** What a client on the host and a client in the container get: both take both ways of the network. */
  async answers(): Promise<readonly string[]> {
    return await Promise.all([
      fetch(`http://127.0.0.1:${this.port}/`).then(async (answer) => await answer.text()),
      docker('exec', this.box, 'timeout', '5', 'wget', '-q', '-O', '-', 'http://gate:8080/'),
    ]);
  }

  /** Comes up without an error, and both ways of the network work. */
  async converges(expect: ExpectStatic, about: string): Promise<void> {
    const up = await this.run('up', '-d', '--wait');
    expect(up.code, `${about}: ${up.stderr}`).toBe(0);
    await this.answersBothWays(expect, about);
  }

  async answersBothWays(expect: ExpectStatic, about: string): Promise<void> {
    await eventually(async () => {
      const answers = await this.answers().catch((error: unknown) => String(error));
      expect(answers, about).toEqual(['echo', 'echo']);
    }, 60_000);
  }

  /** Goes away without an error, and nothing of it is left. */
  async vanishes(expect: ExpectStatic, about: string): Promise<void> {
    const down = await this.run('down', '-v', '-t', '1');
    expect(down.code, `${about}: ${down.stderr}`).toBe(0);
    await eventually(async () => expect(await this.leftovers(), about).toEqual([]));
  }
}

function compose(port: number): string {
  return `
services:
  box:
    image: ${IMAGE}
    command: [nc, -ll, -p, "7000", -e, cat]
    stop_signal: SIGKILL
    restart: always
    networks: [shared, own]
    volumes: ["data:/data"]
  gate:
    x-wasm: {module: ${guestPath('gateway')}, healthcheck: {tcp: {port: 8080}}}
    command: [box, "7000"]
    healthcheck: {interval: 1s}
    restart: always
    ports: ["127.0.0.1:${port}:8080"]
    networks: [shared]
    volumes: ["data:/data"]
    depends_on: [box]
networks: {shared: {}, own: {}}
volumes: {data: {}}
`;
}

/** Chances that can be had again: the seed is in every message of a test that fails. */
export class Chance {
  readonly seed: number;
  #state: number;

  constructor(seed = Number(process.env['WCOMPOSE_TEST_SEED'] ?? randomInt(2 ** 31))) {
    this.seed = seed;
    this.#state = seed;
  }

  /** An integer below `end`. */
  below(end: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to choose from');
    return item;
  }

  shuffled<T>(items: readonly T[]): readonly T[] {
    const rest = [...items];
    return items.map(() => rest.splice(this.below(rest.length), 1)[0] as T);
  }
}

/** What a process holds. */
export interface Holdings {
  readonly descriptors: readonly string[];
  readonly threads: number;
  readonly children: number;
}

export function holdings(pid: number): Holdings {
  const descriptors = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      // Numbers of sockets and pipes differ with each one.
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\[\d+\]/, '')];
    } catch {
      // ENOENT: closed while we looked.
      return [];
    }
  });
  return {
    descriptors: descriptors.toSorted(),
    threads: readdirSync(`/proc/${pid}/task`).length,
    children: readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter((child) => child !== ''),
    ).length,
  };
}
