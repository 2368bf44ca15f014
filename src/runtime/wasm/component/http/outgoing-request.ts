import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { connect as tlsConnect } from 'node:tls';
import { isIP } from 'node:net';

import { openSocket } from '../../net/connect.ts';
import { type ComponentGuest, err, ok, type Result } from '../host/interface.ts';
import type { Pollable } from '../host/pollable.ts';
import { codeOfErrno, codeOfError, type HttpErrorCode, internalError } from './error-codes.ts';
import type { Fields } from './fields.ts';
import { IncomingResponse } from './incoming.ts';
import { contentLength } from './outgoing.ts';
import { type BodyTarget, OutgoingBody } from './outgoing-body.ts';

/** How long making a connection and waiting for an answer may take when the guest says nothing of it. */
const CONNECT_MS = 30_000;
const FIRST_BYTE_MS = 600_000;
const BETWEEN_BYTES_MS = 600_000;

export interface TaggedName {
  readonly tag: string;
  readonly val?: string;
}

/** `request-options`, in nanoseconds. */
export class RequestOptions {
  connectTimeout: bigint | undefined;
  firstByteTimeout: bigint | undefined;
  betweenBytesTimeout: bigint | undefined;
}

/** `outgoing-request` */
export class OutgoingRequest {
  readonly headers: Fields;
  method: TaggedName = { tag: 'get' };
  scheme: TaggedName | undefined;
  authority: string | undefined;
  path: string | undefined;
  #body: OutgoingBody | undefined;

  constructor(headers: Fields) {
    this.headers = headers.freeze();
  }

  /** Undefined: it was taken already. */
  takeBody(): OutgoingBody | undefined {
    if (this.#body !== undefined) return undefined;
    this.#body = new OutgoingBody(contentLength(this.headers));
    return this.#body;
  }

  get body(): OutgoingBody | undefined {
    return this.#body;
  }
}

/** `future-incoming-response`: a request that is on its way. */
export class FutureResponse implements Pollable {
  readonly #guest: ComponentGuest;
  readonly #abort = new AbortController();
  #answer: Result<IncomingResponse, HttpErrorCode> | undefined;
  #isTaken = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(guest: ComponentGuest, request: OutgoingRequest, options: RequestOptions | undefined) {
    this.#guest = guest;
    void this.#send(request, options ?? new RequestOptions());
  }

  isReady(): boolean {
    return this.#answer !== undefined;
  }

  get(): Result<Result<IncomingResponse, HttpErrorCode>, undefined> | undefined {
    if (this.#answer === undefined) return undefined;
    if (this.#isTaken) return err(undefined);
    this.#isTaken = true;
    return ok(this.#answer);
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    if (!this.#isTaken && this.#answer?.tag === 'ok') this.#answer.val.drop();
  }

  async #send(request: OutgoingRequest, options: RequestOptions): Promise<void> {
    try {
      const isTls = request.scheme?.tag === 'HTTPS';
      const { host, port } = splitAuthority(request.authority ?? '', isTls ? 443 : 80);
      this.#expire(options.connectTimeout, CONNECT_MS, 'connection-timeout');
      const socket = await this.#connect(host, port);
      if (typeof socket === 'number') {
        this.#settle(err(codeOfErrno(socket)));
        return;
      }
      if (this.#abort.signal.aborted) {
        socket.destroy();
        return;
      }
      this.#expire(options.firstByteTimeout, FIRST_BYTE_MS, 'HTTP-response-timeout');
      this.#exchange(request, options, isTls ? secure(socket, host) : socket);
    } catch (error) {
      this.#settle(err(codeOfError(error)));
    }
  }

  async #connect(host: string, port: number): Promise<Socket | number> {
    const { network } = this.#guest;
    const addresses = isIP(host) > 0 ? [host] : await network.uplink.resolve(host);
    const address = addresses[0];
    if (address === undefined) throw Object.assign(new Error(`no address of ${host}`), { code: 'DNS' });
    return await openSocket(network, { address, port }, this.#abort.signal);
  }

  #exchange(request: OutgoingRequest, options: RequestOptions, socket: Socket): void {
    const { headers, body } = request;
    const raw = ['host', request.authority ?? '', ...headers.toRaw()];
    const client = httpRequest({
      createConnection: () => socket,
      method: methodName(request.method),
      path: request.path ?? '/',
      headers: raw,
      setHost: false,
      signal: this.#abort.signal,
    });
    client.once('error', (error) => this.#settle(err(codeOfError(error))));
    client.once('response', (message) => this.#respond(message, socket, options));
    client.on('drain', () => this.#guest.waiters.wake());
    client.once('close', () => this.#guest.waiters.wake());
    const target = new RequestTarget(client, headers, () => this.#guest.waiters.wake());
    if (body === undefined) target.end(undefined, undefined);
    else body.attach(target);
    this.#guest.waiters.wake();
  }

  #respond(message: IncomingMessage, socket: Socket, options: RequestOptions): void {
    clearTimeout(this.#timer);
    const idleMs = options.betweenBytesTimeout === undefined ? BETWEEN_BYTES_MS : toMs(options.betweenBytesTimeout);
    const onIdle = (): void => {
      message.destroy(Object.assign(new Error('no bytes came for too long'), { code: 'ETIMEDOUT' }));
    };
    socket.setTimeout(idleMs, onIdle);
    this.#settle(ok(new IncomingResponse(message, () => this.#guest.waiters.wake())));
  }

  #expire(wanted: bigint | undefined, defaultMs: number, tag: string): void {
    clearTimeout(this.#timer);
    const end = (): void => {
      this.#settle(err({ tag }));
      this.#abort.abort();
    };
    this.#timer = setTimeout(end, wanted === undefined ? defaultMs : toMs(wanted)).unref();
  }

  /** The first answer counts. */
  #settle(answer: Result<IncomingResponse, HttpErrorCode>): void {
    clearTimeout(this.#timer);
    this.#answer ??= answer;
    this.#guest.waiters.wake();
  }
}

class RequestTarget implements BodyTarget {
  readonly #client: ClientRequest;
  readonly #hasLength: boolean;
  readonly wake: () => void;

  constructor(client: ClientRequest, headers: Fields, wake: () => void) {
    this.wake = wake;
    this.#client = client;
    this.#hasLength = headers.has('content-length');
  }

  get needsDrain(): boolean {
    return this.#client.writableNeedDrain;
  }

  get isBroken(): boolean {
    return this.#client.destroyed;
  }

  write(bytes: Uint8Array): void {
    if (!this.#client.headersSent && !this.#hasLength) this.#client.setHeader('transfer-encoding', 'chunked');
    this.#client.write(bytes);
  }

  end(last: Uint8Array | undefined, trailers: Fields | undefined): void {
    const client = this.#client;
    if (trailers !== undefined) {
      if (!client.headersSent) client.setHeader('transfer-encoding', 'chunked');
      const raw = trailers.toRaw();
      client.addTrailers(raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ''] as [string, string]] : [])));
    }
    if (last === undefined) client.end();
    else client.end(last);
  }

  abort(): void {
    this.#client.destroy();
  }
}

/** TLS to outside; the service that is asked for must prove its name. */
function secure(socket: Socket, host: string): Socket {
  return tlsConnect({ socket, ...(isIP(host) > 0 ? {} : { servername: host }) });
}

function toMs(nanoseconds: bigint): number {
  return Math.min(Number(nanoseconds / 1_000_000n), 0x7fff_ffff);
}

function splitAuthority(authority: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const match = /^(?:[^@]*@)?(\[[0-9a-f:.]+\]|[^:]*)(?::(\d+))?$/i.exec(authority);
  const [, host = '', port] = match ?? [];
  if (host === '') throw Object.assign(new Error(`"${authority}" is no authority`), { code: 'URI' });
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPort : Number(port) };
}

function methodName(method: TaggedName): string {
  return method.tag === 'other' ? (method.val ?? '') : method.tag.toUpperCase();
}

/** Why a request cannot be sent at all; undefined when it can. */
export function requestProblem(request: OutgoingRequest): HttpErrorCode | undefined {
  const { scheme, authority } = request;
  if (scheme?.tag === 'other') return internalError(`scheme ${scheme.val ?? ''} is not supported`);
  return authority === undefined || authority === '' ? { tag: 'HTTP-request-URI-invalid' } : undefined;
}
