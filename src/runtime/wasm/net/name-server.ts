import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';

import type { Endpoint } from './address.ts';
import { answerQuery } from './dns.ts';

/** Where containers and their libraries expect the name server of their networks. */
export const NAME_SERVER: Endpoint = { address: '127.0.0.11', port: 53 };

export function isNameServer(endpoint: Endpoint): boolean {
  return endpoint.address === NAME_SERVER.address && endpoint.port === NAME_SERVER.port;
}

const QUERY_LIMIT = 512;

/** The name server of one guest, for programs that bring their own resolver. Listens when it is first asked. */
export class NameServer {
  readonly #file: string;
  readonly #resolve: (name: string) => Promise<readonly string[]>;
  #server: Server | undefined;
  #opened: Promise<string> | undefined;

  constructor(socketDir: string, resolve: (name: string) => Promise<readonly string[]>) {
    this.#file = path.join(socketDir, 'dns');
    this.#resolve = resolve;
  }

  /** The unix socket on which it takes queries as TCP carries them: two bytes of length, then the message. */
  async open(): Promise<string> {
    return await (this.#opened ??= this.#listen());
  }

  /** Answers one datagram. */
  async answer(query: Uint8Array): Promise<Uint8Array> {
    return await answerQuery(query, this.#resolve);
  }

  close(): void {
    this.#server?.close();
  }

  async #listen(): Promise<string> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    rmSync(this.#file, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen({ path: this.#file }, resolve);
    await promise;
    return this.#file;
  }

  #serve(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk]);
      while (seen.length >= 2) {
        const end = 2 + seen.readUInt16BE(0);
        if (end > QUERY_LIMIT + 2) {
          socket.destroy();
          return;
        }
        if (seen.length < end) return;
        void this.#reply(socket, seen.subarray(2, end));
        seen = seen.subarray(end);
      }
    });
  }

  /** Length and message in one write: there are resolvers that expect both from one read. */
  async #reply(socket: Socket, query: Uint8Array): Promise<void> {
    try {
      const answer = await this.answer(query);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    } catch {
      // The main thread is gone, or is about to end this worker: nobody can answer.
      socket.destroy();
    }
  }
}
