import { once } from 'node:events';
import type { Server } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Duplex, Readable } from 'node:stream';

import { toWireError, WcError } from '../model/diagnostic.ts';
import type { SupervisorEvent } from './protocol.ts';
import { encodeFrame, FrameReader } from './session-frames.ts';
import type { Frame } from './session-frames.ts';
import { SESSION_UPGRADE } from './session-protocol.ts';
import type { ClientMessage, ServerMessage, SessionRequest, TerminalSize } from './session-protocol.ts';

/** What a command gets of its client. When the client goes away, output is dropped and input stays open. */
export interface Session {
  /** Ends when the client does. */
  readonly gone: AbortSignal;
  /** What the client's user types; ends with their end of file. */
  readonly input: Readable;
  /** Resolves when there is room for more. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  /** One listener; it is told the present size at once, where one is known. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** One listener; signals that came before it are told at once. */
  onSignal(listener: (name: string) => void): void;
  /** The command runs now; `tty`: in a terminal that the client did not ask for. */
  started(name: string, tty?: boolean): void;
  emit(event: SupervisorEvent): void;
}

export type SessionHandler = (request: SessionRequest, session: Session) => Promise<number>;

/**
 * Serves sessions on the control socket beside its routes: a request that asks for the upgrade becomes a connection
 * of frames in both directions. The handler's number is the command's exit status.
 */
export function serveSessions(server: Server, handler: SessionHandler, onError: (error: unknown) => void): void {
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade !== SESSION_UPGRADE) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      return;
    }
    if (head.length > 0) socket.unshift(head);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${SESSION_UPGRADE}\r\n\r\n`);
    serve(socket, handler).catch(onError);
  });
}

async function serve(socket: Duplex, handler: SessionHandler): Promise<void> {
  const session = new SocketSession(socket);
  try {
    const request = await session.request;
    const code = await handler(request, session);
    session.end({ type: 'exit', code });
  } catch (error) {
    session.end({ type: 'error', error: toWireError(error) });
    if (!(error instanceof WcError) && !session.gone.aborted) throw error;
  }
}

class SocketSession implements Session {
  readonly input = new PassThrough();
  readonly request: Promise<SessionRequest>;
  readonly #socket: Duplex;
  readonly #gone = new AbortController();
  readonly #request = Promise.withResolvers<SessionRequest>();
  #asked = false;
  #size: TerminalSize | undefined;
  #resized: ((size: TerminalSize) => void) | undefined;
  readonly #early: string[] = [];
  #signalled: ((name: string) => void) | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.request = this.#request.promise;
    const leave = (): void => this.#leave();
    socket.on('close', leave);
    // ECONNRESET, EPIPE: the client was killed.
    socket.on('error', leave);
    void this.#read();
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  async write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    if (this.gone.aborted || this.#socket.write(encodeFrame(stream, bytes))) return;
    const settled = new AbortController();
    const either = { signal: settled.signal };
    try {
      await Promise.race([once(this.#socket, 'drain', either), once(this.#socket, 'close', either)]);
    } finally {
      settled.abort();
    }
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#resized = listener;
    if (this.#size !== undefined) listener(this.#size);
  }

  onSignal(listener: (name: string) => void): void {
    this.#signalled = listener;
    for (const name of this.#early.splice(0)) listener(name);
  }

  started(name: string, tty?: boolean): void {
    this.#send({ type: 'started', name, tty });
  }

  emit(event: SupervisorEvent): void {
    this.#send({ type: 'event', event });
  }

  end(last: ServerMessage): void {
    this.#send(last);
    this.#socket.end();
  }

  #send(message: ServerMessage): void {
    if (!this.gone.aborted) this.#socket.write(encodeFrame('message', Buffer.from(JSON.stringify(message))));
  }

  /** A command that does not read its input slows the client down: nothing is kept here without bound. */
  async #read(): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.#socket) {
        for (const frame of reader.push(chunk as Uint8Array)) await this.#take(frame);
      }
    } catch {
      // ECONNRESET, or no frame: the client is none that could be talked to.
      this.#socket.destroy();
    }
    this.#leave();
  }

  async #take({ channel, bytes }: Frame): Promise<void> {
    if (channel === 'input') {
      if (!this.input.writableEnded && !this.input.write(bytes)) await this.#drained();
      return;
    }
    const text = bytes.toString('utf8');
    if (!this.#asked) {
      this.#asked = true;
      this.#request.resolve(JSON.parse(text) as SessionRequest);
      return;
    }
    this.#listen(JSON.parse(text) as ClientMessage);
  }

  #listen(message: ClientMessage): void {
    switch (message.type) {
      case 'input-end':
        this.input.end();
        return;
      case 'resize':
        this.#size = { columns: message.columns, rows: message.rows };
        this.#resized?.(this.#size);
        return;
      case 'signal':
        if (this.#signalled === undefined) this.#early.push(message.name);
        else this.#signalled(message.name);
        return;
    }
  }

  async #drained(): Promise<void> {
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, this.gone]);
    try {
      await Promise.race([once(this.input, 'drain', { signal }), once(this.input, 'close', { signal })]);
    } catch {
      // AbortError: the client is gone.
    } finally {
      settled.abort();
    }
  }

  #leave(): void {
    if (this.gone.aborted) return;
    this.#gone.abort();
    this.input.end();
    this.#request.reject(new WcError('ERR_USAGE', 'the client left before it asked for anything'));
  }
}
