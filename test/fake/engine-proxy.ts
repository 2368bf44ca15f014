import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A unix socket in front of a real Engine whose connections a test can cut, as when the Engine is killed, and refuse
 * for a while, as when it is down.
 */
export class EngineProxy implements AsyncDisposable {
  readonly socketPath: string;
  readonly #dir: string;
  readonly #target: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;
  #accepted = 0;

  private constructor(target: string) {
    this.#target = target;
    this.#dir = mkdtempSync(join(tmpdir(), 'wc-proxy-'));
    this.socketPath = join(this.#dir, 'docker.sock');
  }

  static async open(target = '/var/run/docker.sock'): Promise<EngineProxy> {
    const proxy = new EngineProxy(target);
    await proxy.restore();
    return proxy;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Connections that were ever taken. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Cuts every connection in the middle of what it carries. New ones are taken. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Cuts every connection and takes none until `restore`: nobody listens at the socket. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server === undefined ? undefined : new Promise((resolve) => server.close(resolve));
    this.cut();
    await closed;
  }

  async restore(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((near) => this.#join(near));
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    this.#server = server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #join(near: Socket): void {
    this.#accepted++;
    const far = connect(this.#target);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const leave = (): void => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) {
      // ECONNRESET, EPIPE: what this proxy is for; `close` follows.
      socket.on('error', () => undefined);
      socket.once('close', leave);
    }
    near.pipe(far);
    far.pipe(near);
  }
}
