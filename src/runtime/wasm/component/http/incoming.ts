import type { IncomingMessage } from 'node:http';

import { CLOSED, failed, IoError, type Source, type StreamError } from '../host/streams.ts';
import type { Pollable } from '../host/pollable.ts';
import { err, ok, type Result } from '../host/interface.ts';
import { codeOfError, type HttpErrorCode } from './error-codes.ts';
import { Fields } from './fields.ts';

/** A request or response that came, with its body, which can be consumed once. */
export class IncomingBody {
  readonly #message: IncomingMessage;
  readonly #wake: () => void;
  readonly #begin: () => void;
  #error: Error | undefined;
  #isClosed = false;
  #isTaken = false;

  /** `begin` is called when the guest wants the body; `wake` whenever there is news of it. */
  constructor(message: IncomingMessage, wake: () => void, begin: () => void = () => undefined) {
    this.#message = message;
    this.#wake = wake;
    this.#begin = begin;
  }

  /** Undefined: it was taken already. */
  stream(): Source | undefined {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    this.#listen();
    this.#begin();
    return { isReady: () => this.#isReady, read: (limit) => this.#read(limit) };
  }

  /** The guest has read what it wanted; what follows the body comes when the rest has passed. */
  finish(): FutureTrailers {
    if (!this.#isTaken) this.#listen();
    this.#isTaken = true;
    this.#message.off('readable', this.#wake);
    this.#message.resume();
    const message = this.#message;
    return new FutureTrailers(
      () => message.readableEnded || this.#error !== undefined || this.#isClosed,
      () => {
        if (this.#error !== undefined) return err(codeOfError(this.#error));
        return ok(message.rawTrailers.length === 0 ? undefined : Fields.fromRaw(message.rawTrailers));
      },
    );
  }

  drop(): void {
    // What nobody reads must not hold up the connection.
    this.#message.off('readable', this.#wake);
    if (!this.#message.destroyed) this.#message.resume();
  }

  #listen(): void {
    const message = this.#message;
    message.on('readable', this.#wake);
    message.on('end', this.#wake);
    message.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
    message.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  get #isReady(): boolean {
    const message = this.#message;
    // An empty read makes a message notice that it has ended.
    if (message.readableLength === 0 && !message.readableEnded) message.read(0);
    return message.readableLength > 0 || message.readableEnded || this.#error !== undefined || this.#isClosed;
  }

  #read(limit: number): Uint8Array | StreamError {
    const message = this.#message;
    const length = Math.min(limit, message.readableLength);
    if (length > 0) {
      const chunk = message.read(length) as Buffer | null;
      if (chunk !== null) return chunk;
    }
    if (limit === 0) return NOTHING;
    if (this.#isReady && message.readableLength === 0) return this.#end();
    return NOTHING;
  }

  #end(): StreamError {
    if (this.#error === undefined && this.#message.complete) return CLOSED;
    const code = this.#error === undefined ? { tag: 'connection-terminated' } : codeOfError(this.#error);
    return failed(new IoError(this.#error?.message ?? 'the message ended too early', { http: code }));
  }
}

const NOTHING = new Uint8Array(0);

export type Trailers = Result<Fields | undefined, HttpErrorCode>;

/** What comes after a body. Its answer can be had once. */
export class FutureTrailers implements Pollable {
  readonly #isReady: () => boolean;
  readonly #get: () => Trailers;
  #isTaken = false;

  constructor(isReady: () => boolean, get: () => Trailers) {
    this.#isReady = isReady;
    this.#get = get;
  }

  isReady(): boolean {
    return this.#isReady();
  }

  get(): Result<Trailers, undefined> | undefined {
    if (!this.#isReady()) return undefined;
    if (this.#isTaken) return err(undefined);
    this.#isTaken = true;
    return ok(this.#get());
  }
}

/** `incoming-request` */
export class IncomingRequest {
  readonly message: IncomingMessage;
  readonly #body: IncomingBody;
  #isConsumed = false;

  constructor(message: IncomingMessage, wake: () => void, begin: () => void) {
    this.message = message;
    this.#body = new IncomingBody(message, wake, begin);
  }

  consume(): IncomingBody | undefined {
    if (this.#isConsumed) return undefined;
    this.#isConsumed = true;
    return this.#body;
  }
}

/** `incoming-response` */
export class IncomingResponse {
  readonly message: IncomingMessage;
  readonly #body: IncomingBody;
  #isConsumed = false;

  constructor(message: IncomingMessage, wake: () => void) {
    this.message = message;
    this.#body = new IncomingBody(message, wake);
  }

  consume(): IncomingBody | undefined {
    if (this.#isConsumed) return undefined;
    this.#isConsumed = true;
    return this.#body;
  }

  /** Nobody wants its body. */
  drop(): void {
    if (!this.#isConsumed) this.message.destroy();
  }
}
