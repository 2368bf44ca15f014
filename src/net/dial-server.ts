import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clearTimeout, setTimeout } from 'node:timers';

import { copyBothWays } from './relay/copy-both-ways.ts';

/**
 * Hands connections that are open already to workers: whoever connects to the unix socket and first writes the line
 * of one gets it. One that nobody comes for is closed.
 */
export class DialServer implements AsyncDisposable {
  readonly #path: string;
  readonly #claimMs: number;
  readonly #offers = new Map<string, Duplex>();
  readonly #sockets = new Set<Socket>();
  #server: Promise<Server> | undefined;

  /** The socket is made when it is first needed. */
  constructor(path: string, claimMs: number = CLAIM_MS) {
    this.#path = path;
    this.#claimMs = claimMs;
  }

  async offer(stream: Duplex): Promise<{ readonly path: string; readonly hello: string }> {
    try {
      await (this.#server ??= this.#listen());
    } catch (error) {
      this.#server = undefined;
      stream.destroy();
      throw error;
    }
    const token = randomBytes(16).toString('hex');
    const timer = setTimeout(() => {
      if (this.#offers.has(token)) stream.destroy();
    }, this.#claimMs);
    stream.once('close', () => {
      clearTimeout(timer);
      this.#offers.delete(token);
    });
    if (!stream.destroyed) this.#offers.set(token, stream);
    return { path: this.#path, hello: `${token}\n` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#offers.values()) stream.destroy();
    const server = await this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  async #listen(): Promise<Server> {
    // One that a killed supervisor left.
    await rm(this.#path, { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#onSocket(socket));
    server.listen(this.#path);
    await once(server, 'listening');
    return server;
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#claimMs);
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    let begun = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      begun = Buffer.concat([begun, chunk]);
      const end = begun.indexOf('\n');
      if (end < 0 && begun.length <= MAX_LINE) return;
      clearTimeout(timer);
      socket.off('data', onData).pause();
      const token = begun.toString('latin1', 0, Math.max(end, 0));
      const stream = this.#offers.get(token);
      this.#offers.delete(token);
      if (stream === undefined) {
        socket.destroy();
        return;
      }
      if (begun.length > end + 1) socket.unshift(begun.subarray(end + 1));
      copyBothWays(stream, socket);
    };
    socket.on('data', onData);
    socket.once('end', () => {
      // Before it was given a stream: whoever connected changed their mind.
      if (socket.listeners('data').includes(onData)) socket.destroy();
    });
  }
}

const CLAIM_MS = 5_000;
const MAX_LINE = 64;
