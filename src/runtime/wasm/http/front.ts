import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';

import type { Endpoint } from '../net/address.ts';
import type { Network } from '../net/network.ts';

/** How long a client may take for the header of its first request. */
const HEADER_MS = 30_000;
/** How long a connection is kept for the next request. */
const KEEP_MS = 60_000;
const HEADER_LIMIT = 64 * 1024;
/** Connections at a time; more are ended at once. */
const CONNECTION_LIMIT = 4096;
const SWEEP_MS = 1_000;
/** How often connections that are being drained are looked at. */
const LOOK_MS = 10;

/** A request and where its answer goes. The client has gone when the response is closed before it is finished. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly peer: Endpoint;
  /** The port that it came to. */
  readonly port: number;
  /** The client sends its body when `response.writeContinue()` has told it to. */
  readonly expectsContinue: boolean;
}

/**
 * The HTTP side of an instance whose guest answers requests and knows nothing of sockets: takes the connections of its
 * ports, by whatever door they come, and hands over requests one by one. It must live in a thread in which no guest
 * computes: slow clients, time-outs and the end of the instance depend on it.
 */
export class HttpFront {
  readonly #server: Server;
  readonly #lines = new Map<Socket, Line>();
  readonly #sweeper: NodeJS.Timeout;
  #isDraining = false;

  /** `onRequest` must answer every exchange in the end. */
  constructor(onRequest: (exchange: Exchange) => void) {
    // What a request may take in all is for whoever answers to say; what comes before it is seen to by the sweep.
    this.#server = createServer({ maxHeaderSize: HEADER_LIMIT, keepAliveTimeout: KEEP_MS, requestTimeout: 0 });
    const hand = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
      const line = this.#lines.get(request.socket);
      if (line === undefined) {
        request.socket.destroy();
        return;
      }
      line.begin();
      response.once('close', () => this.#finished(request.socket, line));
      if (this.#isDraining) response.shouldKeepAlive = false;
      onRequest({ request, response, peer: line.peer, port: line.port, expectsContinue });
    };
    this.#server.on('request', (request, response) => hand(request, response, false));
    this.#server.on('checkContinue', (request, response) => hand(request, response, true));
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Begins to serve a port of the instance; resolves with an errno. */
  async listen(network: Network, port: number): Promise<number> {
    return await network.serve(port, (socket, peer, rest) => this.#take(socket, { peer, port, rest }));
  }

  get connections(): number {
    return this.#lines.size;
  }

  /** Requests that are being answered. */
  get active(): number {
    let active = 0;
    for (const line of this.#lines.values()) active += line.active;
    return active;
  }

  /**
   * Ends connections as soon as no request of theirs is being read or answered. Resolves when there are none, or when
   * the signal is aborted.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true;
    for (const [socket, line] of this.#lines) if (line.isIdle(socket)) socket.destroySoon();
    while (this.#lines.size > 0 && !signal.aborted) await delay(LOOK_MS);
  }

  /** Ends all connections now. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const socket of this.#lines.keys()) socket.destroy();
  }

  #take(
    socket: Socket,
    from: { readonly peer: Endpoint; readonly port: number; readonly rest?: Uint8Array | undefined },
  ): void {
    if (this.#lines.size >= CONNECTION_LIMIT) {
      socket.destroy();
      return;
    }
    const { peer, port, rest } = from;
    this.#lines.set(socket, new Line(peer, port, socket.bytesRead - (rest?.length ?? 0)));
    socket.once('close', () => this.#lines.delete(socket));
    socket.setNoDelay(true);
    if (rest !== undefined && rest.length > 0) socket.unshift(rest);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  #finished(socket: Socket, line: Line): void {
    line.finish(socket);
    if (this.#isDraining && line.isIdle(socket)) socket.destroySoon();
  }

  /** A client that sends its header byte by byte would keep its connection for ever. */
  #sweep(): void {
    const now = performance.now();
    for (const [socket, line] of this.#lines) {
      if (line.active > 0 || now < line.deadline) continue;
      if (!line.isIdle(socket) && socket.writable) socket.end(TOO_SLOW);
      socket.destroySoon();
    }
  }
}

const TOO_SLOW = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

/** One connection. */
class Line {
  readonly peer: Endpoint;
  readonly port: number;
  /** Requests that are being answered; a client may send several without waiting. */
  active = 0;
  deadline = performance.now() + HEADER_MS;
  /** What had been read from it when the last request was over. */
  #read: number;

  constructor(peer: Endpoint, port: number, read: number) {
    this.peer = peer;
    this.port = port;
    this.#read = read;
  }

  begin(): void {
    this.active++;
  }

  finish(socket: Socket): void {
    this.active--;
    this.#read = socket.bytesRead;
    this.deadline = performance.now() + KEEP_MS + HEADER_MS;
  }

  /** Nothing of a request has come. */
  isIdle(socket: Socket): boolean {
    return this.active === 0 && socket.bytesRead === this.#read;
  }
}
