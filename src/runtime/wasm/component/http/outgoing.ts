import type { ServerResponse } from 'node:http';

import type { Fields } from './fields.ts';
import { type BodyTarget, OutgoingBody } from './outgoing-body.ts';

/** `outgoing-response` */
export class OutgoingResponse {
  readonly headers: Fields;
  status = 200;
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

  /** Becomes the answer of a request. */
  send(response: ServerResponse, wake: () => void): void {
    const target = new ResponseTarget(response, this, wake);
    // Nobody took the body, and nobody can any more: there is none.
    if (this.#body === undefined) target.end(undefined, undefined);
    else this.#body.attach(target);
  }
}

/** `Content-Length`, when there is one that is a number. */
export function contentLength(headers: Fields): number | undefined {
  const value = headers.get('content-length')[0];
  if (value === undefined) return undefined;
  const length = Number(Buffer.from(value).toString('latin1'));
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** The head goes with the first bytes, so that one that has all bytes can tell how many they are. */
class ResponseTarget implements BodyTarget {
  readonly #response: ServerResponse;
  readonly #head: OutgoingResponse;
  readonly wake: () => void;
  #isHeadSent = false;

  constructor(response: ServerResponse, head: OutgoingResponse, wake: () => void) {
    this.#response = response;
    this.#head = head;
    this.wake = wake;
  }

  get needsDrain(): boolean {
    return this.#response.writableNeedDrain;
  }

  get isBroken(): boolean {
    return this.#response.destroyed || this.#response.socket === null;
  }

  write(bytes: Uint8Array): void {
    this.#sendHead(undefined);
    this.#response.write(bytes);
  }

  end(last: Uint8Array | undefined, trailers: Fields | undefined): void {
    const response = this.#response;
    if (trailers === undefined) this.#sendHead(last?.length ?? 0);
    else {
      this.#sendHead(undefined);
      response.addTrailers(pairs(trailers.toRaw()));
    }
    if (last === undefined) response.end();
    else response.end(last);
  }

  abort(): void {
    this.#response.destroy();
  }

  #sendHead(length: number | undefined): void {
    if (this.#isHeadSent) return;
    this.#isHeadSent = true;
    const { status, headers } = this.#head;
    const raw = headers.toRaw();
    // A body to HEAD is not sent, and 204 and 304 have none: no length can be told from it.
    const hasBody = status !== 204 && status !== 304 && this.#response.req.method !== 'HEAD';
    if (length !== undefined && hasBody && !headers.has('content-length')) raw.push('content-length', String(length));
    this.#response.writeHead(status, raw);
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return list;
}
