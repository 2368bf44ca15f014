import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { execa } from 'execa';

import type { FabricEngine } from '../../src/net/fabric-engine.ts';
import { Engine } from '../../src/runtime/container/engine.ts';
import { createFabricEngine } from '../../src/runtime/container/fabric-engine.ts';

/** The Engine of this machine through the real driver. */
export async function openEngine(): Promise<FabricEngine> {
  return createFabricEngine(await Engine.open(process.env, AbortSignal.timeout(10_000)));
}

export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await execa('docker', [...args], { timeout: 60_000 });
  return stdout.trim();
}

/** A static busybox and nothing else; the global set-up of engine tests makes it. */
export const BUSYBOX = 'wcompose-test/busybox:latest';

/** What one test makes in the Engine and on disk; all of it is gone at its end. */
export class NetSandbox implements AsyncDisposable {
  readonly name = `wcnet${randomBytes(4).toString('hex')}`;
  readonly dir = mkdtempSync(join(tmpdir(), 'wcn-'));
  readonly #containers: string[] = [];
  readonly #networks: string[] = [];
  readonly #servers: Server[] = [];

  async network(key: string, ...options: readonly string[]): Promise<string> {
    const name = `${this.name}_${key}`;
    await docker('network', 'create', '--label', `com.docker.compose.project=${this.name}`, ...options, name);
    this.#networks.push(name);
    return name;
  }

  /** A container of the project that sleeps; commands are run in it. */
  async container(service: string, network: string, ...options: readonly string[]): Promise<TestContainer> {
    const name = `${this.name}-${service}-1`;
    const labels = { 'com.docker.compose.project': this.name, 'com.docker.compose.service': service };
    const flags = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
    const where = ['--network', network, '--network-alias', service];
    await docker('run', '-d', '--init', '--name', name, ...flags, ...where, ...options, BUSYBOX, 'sleep', '1000');
    this.#containers.push(name);
    return new TestContainer(name);
  }

  /** What a worker is to the fabric: a server on `<socketDir>/<port>`; `onSocket` gets the peer's line too. */
  async serve(path: string, onSocket: (socket: Socket, peer: string) => void): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      let line = '';
      const onReadable = (): void => {
        let byte: Buffer | null;
        while ((byte = socket.read(1) as Buffer | null) !== null) {
          if (byte.toString() !== '\n') {
            line += byte.toString();
            continue;
          }
          socket.off('readable', onReadable);
          onSocket(socket, line);
          return;
        }
      };
      socket.on('readable', onReadable);
    });
    server.listen(path);
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    this.#servers.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    const left = await docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${this.name}`);
    const ids = [...new Set([...this.#containers, ...left.split('\n')])].filter((id) => id !== '');
    if (ids.length > 0) await execa('docker', ['rm', '-f', ...ids], { reject: false });
    for (const network of this.#networks) await execa('docker', ['network', 'rm', network], { reject: false });
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class TestContainer {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async sh(script: string, input?: Uint8Array): Promise<Ran> {
    const options = { reject: false, timeout: 60_000, ...(input === undefined ? {} : { input }) };
    const result = await execa('docker', ['exec', '-i', this.name, 'sh', '-c', script], options);
    return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  }

  async ip(network: string): Promise<string> {
    return await docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, this.name);
  }
}

/** Looks until it holds; the test's own time limit ends a wait in vain. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await delay(50);
}
