import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** What goes wrong with one request. */
export interface Fault {
  /** `POST /containers/ID/start` */
  readonly kind: string;
  /** The how manyth of its kind, from 1. */
  readonly nth: number;
  /**
   * refused: the Engine answers 500 and does nothing. lost: it does it, and the connection breaks before it has said so.
   * torn: the connection breaks in the middle of the answer.
   */
  readonly how: 'refused' | 'lost' | 'torn';
}

/** A unix socket in front of a real Engine that lets one chosen request go wrong. */
export class FaultyEngine implements AsyncDisposable {
  readonly socketPath: string;
  readonly #dir: string;
  readonly #target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #seen = new Map<string, number>();
  #fault: Fault | undefined;
  #struck = false;

  private constructor(target: string) {
    this.#target = target;
    this.#dir = mkdtempSync(join(tmpdir(), 'wc-faulty-'));
    this.socketPath = join(this.#dir, 'docker.sock');
    this.#server = createServer((incoming, answer) => void this.#handle(incoming, answer))
      .on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => this.#upgrade(incoming, socket, head))
      .on('connection', (socket) => this.#keep(socket));
  }

  static async open(target = '/var/run/docker.sock'): Promise<FaultyEngine> {
    const engine = new FaultyEngine(target);
    await new Promise<void>((resolve) => engine.#server.listen(engine.socketPath, resolve));
    return engine;
  }

  /** How many requests of each kind there were since the last `arm`. */
  get seen(): ReadonlyMap<string, number> {
    return this.#seen;
  }

  /** The fault has happened. */
  get struck(): boolean {
    return this.#struck;
  }

  /** Counts from now on, and lets this go wrong; undefined: nothing. */
  arm(fault: Fault | undefined): void {
    this.#seen = new Map();
    this.#fault = fault;
    this.#struck = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    // ECONNRESET, EPIPE: what this is for; `close` follows.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** What is to go wrong with this request. */
  #next(incoming: IncomingMessage): Fault['how'] | undefined {
    const kind = kindOf(incoming);
    const count = (this.#seen.get(kind) ?? 0) + 1;
    this.#seen.set(kind, count);
    if (this.#fault?.kind !== kind || this.#fault.nth !== count) return undefined;
    this.#struck = true;
    return this.#fault.how;
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const how = this.#next(incoming);
    const body = await buffer(incoming);
    if (how === 'refused') {
      answer.writeHead(500, { 'content-type': 'application/json' }).end(REFUSAL);
      return;
    }
    const { method, url, headers } = incoming;
    const outgoing = request({ socketPath: this.#target, method, path: url, headers, agent: false }, (reply) => {
      reply.on('error', () => incoming.socket.destroy());
      if (how === undefined) {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        answer.flushHeaders();
        reply.pipe(answer);
      } else void this.#break(how, incoming, answer, reply);
    });
    outgoing.on('socket', (socket) => this.#keep(socket));
    outgoing.on('error', () => incoming.socket.destroy());
    answer.once('close', () => outgoing.destroy());
    outgoing.end(body);
  }

  async #break(
    how: 'lost' | 'torn',
    incoming: IncomingMessage,
    answer: ServerResponse,
    reply: IncomingMessage,
  ): Promise<void> {
    const { socket } = incoming;
    const endless = /\/events|follow=(?:1|true)/.test(incoming.url ?? '');
    const body = endless ? Buffer.alloc(0) : await buffer(reply).catch(() => Buffer.alloc(0));
    if (how === 'torn' && body.length > 1) {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      answer.write(body.subarray(0, body.length / 2), () => socket.destroy());
    } else if (how === 'torn') socket.write('HTTP/1.1 20', () => socket.destroy());
    else socket.destroy();
  }

  /** A hijacked connection; what the Engine says first is its status line. */
  #upgrade(incoming: IncomingMessage, near: Socket, head: Buffer): void {
    const how = this.#next(incoming);
    if (how === 'refused') {
      near.end(`HTTP/1.1 500 Internal Server Error\r\nContent-Length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`);
      return;
    }
    const far = connect(this.#target);
    this.#keep(far);
    const leave = (one: Duplex, other: Duplex): void => void one.once('close', () => other.destroy());
    leave(near, far);
    leave(far, near);
    const { rawHeaders, method, url } = incoming;
    const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
    far.write(`${method} ${url} HTTP/1.1\r\n${pairs.join('\r\n')}\r\n\r\n`);
    far.write(head);
    near.pipe(far);
    let chunks = 0;
    far.on('data', (chunk: Buffer) => {
      chunks++;
      if (how === 'lost') near.destroy();
      else near.write(chunk);
      // The status line has arrived, and then something of what the connection is for.
      if (how === 'torn' && chunks > 1) near.destroy();
    });
    far.on('end', () => near.end());
  }
}

/** Without version, query and names. */
function kindOf({ method = '', url = '' }: IncomingMessage): string {
  const path = url.replace(/\?.*$/, '').replace(/^\/v\d+\.\d+/, '');
  const general = path
    .replace(/^\/images\/(?!json$|load$|create$).*\/json$/, '/images/ID/json')
    .replace(/^\/(containers|networks|volumes)\/(?!json$|create$)[^/]+/, '/$1/ID');
  return `${method} ${general}`;
}

const REFUSAL = JSON.stringify({ message: 'this is a fault of the test' });
