import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';

import { eventually } from './project.ts';

/** What the machine lacks for an Engine of one's own; undefined: nothing. */
export async function lacksForPrivateEngine(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'Linux';
  if (process.getuid?.() !== 0) return 'root';
  for (const tool of ['dockerd', 'ip', 'unshare', 'nsenter']) {
    const { exitCode } = await execa('sh', ['-c', `command -v ${tool}`], { reject: false });
    if (exitCode !== 0) return tool;
  }
  const { exitCode } = await execa('sh', ['-c', 'unshare --net ip link set lo up'], { reject: false });
  return exitCode === 0 ? undefined : 'network namespaces';
}

/** A Docker Engine that belongs to one test, in a network namespace of its own: it can be killed and disturbs nobody. */
export class PrivateEngine implements AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'wc-engine-'));
  readonly #holder: ChildProcess;
  #daemon: ChildProcess | undefined;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(images: readonly string[]): Promise<PrivateEngine> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo && exec sleep infinity'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (holder.stdout !== null) await once(holder.stdout, 'data');
    const engine = new PrivateEngine(holder);
    try {
      await engine.start();
      await execa('sh', ['-c', `docker save ${images.join(' ')} | docker --host ${engine.host} load`]);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  get host(): string {
    return `unix://${join(this.#dir, 'docker.sock')}`;
  }

  /** What runs a command in the Engine's network namespace. */
  get inside(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`];
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const path = (name: string): string => join(this.#dir, name);
    const log = openSync(path('log'), 'a');
    const places = ['--data-root', path('data'), '--exec-root', path('exec'), '--pidfile', path('pid')];
    const [nsenter = '', ...rest] = [...this.inside, 'dockerd', '--host', this.host, ...places];
    const daemon = spawn(nsenter, rest, { stdio: ['ignore', log, log] });
    this.#daemon = daemon;
    await eventually(async () => {
      if (daemon.exitCode !== null) throw new Error(`dockerd has ended:\n${readFileSync(path('log'), 'utf8')}`);
      await this.docker('version');
    }, 60_000);
  }

  /** As when the kernel kills it; its containers are left running. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const exited = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await exited;
  }

  async docker(...args: readonly string[]): Promise<string> {
    return (await execa('docker', ['--host', this.host, ...args])).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== undefined) {
      // An orderly end: it stops the containers and its containerd.
      const ids = (await execa('docker', ['--host', this.host, 'ps', '-aq'], { reject: false })).stdout;
      if (ids !== '') await execa('docker', ['--host', this.host, 'rm', '-f', ...ids.split('\n')], { reject: false });
      if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
        const exited = once(this.#daemon, 'exit');
        this.#daemon.kill('SIGTERM');
        await exited;
      }
    }
    this.#holder.kill('SIGKILL');
    await execa('sh', ['-c', `umount -R ${this.#dir}/data ${this.#dir}/exec 2>/dev/null || true`]);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
