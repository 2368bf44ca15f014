import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { fromWireError, WcError } from '../model/diagnostic.ts';
import type { SupervisorEvent } from './protocol.ts';
import { encodeFrame, FrameReader } from './session-frames.ts';
import { SESSION_UPGRADE } from './session-protocol.ts';
import type { ClientMessage, ServerMessage, SessionRequest } from './session-protocol.ts';

export interface SessionOutput {
  /** Resolves when there is room for more. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  event(event: SupervisorEvent): void;
  /** `tty`: it has a terminal. */
  started(name: string, tty: boolean): void;
}

/** The client's end of a session with the supervisor. Disposing ends it; what it began in the supervisor goes on. */
export class ClientSession implements Disposable {
  readonly #socket: Duplex;

  private constructor(socket: Duplex) {
    this.#socket = socket;
  }

  static async open(socketPath: string, request: SessionRequest, signal: AbortSignal): Promise<ClientSession> {
    const socket = await new Promise<Duplex>((resolve, reject) => {
      const outgoing = httpRequest({
        socketPath,
        path: '/v1/session',
        headers: { Connection: 'Upgrade', Upgrade: SESSION_UPGRADE },
        signal,
        agent: false,
      });
      outgoing.on('upgrade', (_response: IncomingMessage, upgraded: Duplex, head: Buffer) => {
        if (head.length > 0) upgraded.unshift(head);
        resolve(upgraded);
      });
      outgoing.on('response', (response) => {
        response.resume();
        reject(lost(`it answered with status ${response.statusCode ?? 0}`));
      });
      outgoing.on('error', (error) => reject(signal.aborted ? error : lost(error)));
      outgoing.end();
    });
    // EPIPE: told by the end of the output.
    socket.on('error', () => undefined);
    socket.write(encodeFrame('message', Buffer.from(JSON.stringify(request))));
    return new ClientSession(socket);
  }

  /** Resolves when there is room for more. */
  async input(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#socket.writable && !this.#socket.write(encodeFrame('input', bytes)))
      await once(this.#socket, 'drain', { signal });
  }

  send(message: ClientMessage): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame('message', Buffer.from(JSON.stringify(message))));
  }

  /** Hands over the output and resolves with the command's exit status. */
  async run(output: SessionOutput): Promise<number> {
    const reader = new FrameReader();
    for await (const chunk of this.#socket) {
      for (const { channel, bytes } of reader.push(chunk as Uint8Array)) {
        if (channel === 'stdout' || channel === 'stderr') {
          await output.write(channel, bytes);
          continue;
        }
        const message = JSON.parse(bytes.toString('utf8')) as ServerMessage;
        if (message.type === 'exit') return message.code;
        if (message.type === 'error') throw fromWireError(message.error);
        if (message.type === 'event') output.event(message.event);
        else output.started(message.name, message.tty === true);
      }
    }
    throw lost('the connection ended');
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function lost(cause: unknown): WcError {
  return new WcError('ERR_SUPERVISOR_LOST', 'the supervisor of the project ended in the middle of the command', {
    hint: 'what runs in containers goes on; wcompose ps shows it',
    cause,
  });
}
