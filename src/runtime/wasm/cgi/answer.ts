import type { ServerResponse } from 'node:http';

import { type CgiHeader, HeaderReader } from './response-header.ts';

/** Where an answer is after some output of its guest. */
export type AnswerState =
  | { readonly at: 'header' | 'body' }
  /** The client is slower than the guest: what was written is with it at the next `drain`. */
  | { readonly at: 'full' }
  | { readonly at: 'redirect'; readonly target: string };

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Turns what a CGI program writes into an HTTP response. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #reader = new HeaderReader();
  readonly #isHead: boolean;
  #at: 'header' | 'body' = 'header';
  #takesBody = true;
  /** What is to come of a body whose length the program has told. */
  #left = Infinity;

  constructor(response: ServerResponse, method: string) {
    this.#response = response;
    this.#isHead = method === 'HEAD';
  }

  get hasHeader(): boolean {
    return this.#at === 'body';
  }

  /** Some of the header has come. */
  get hasBegun(): boolean {
    return this.hasHeader || this.#reader.length > 0;
  }

  /** The body is as long as the program said that it would be. */
  get isWhole(): boolean {
    return this.#left === 0 || this.#left === Infinity || !this.#takesBody;
  }

  /** `isLast`: nothing comes after this. Throws BadHeader. */
  push(chunk: Uint8Array, isLast = false): AnswerState {
    if (this.#at === 'body') return this.#write(chunk);
    const complete = this.#reader.push(chunk);
    if (complete === undefined) return { at: 'header' };
    const { header, rest } = complete;
    if (header.kind === 'local-redirect') return { at: 'redirect', target: header.target };
    this.#begin(header, isLast ? rest.length : undefined);
    return rest.length > 0 ? this.#write(rest) : { at: 'body' };
  }

  #begin(header: Extract<CgiHeader, { kind: 'answer' }>, wholeLength: number | undefined): void {
    this.#at = 'body';
    this.#takesBody = !this.#isHead && !NO_BODY.has(header.status);
    const length = header.contentLength ?? (this.#takesBody ? wholeLength : undefined);
    const fields = [...header.fields];
    if (length !== undefined && !NO_BODY.has(header.status)) fields.push('Content-Length', String(length));
    this.#left = length ?? Infinity;
    this.#response.writeHead(header.status, header.reason, fields);
  }

  #write(chunk: Uint8Array): AnswerState {
    // Anything beyond the length would be the client's next response.
    const fits = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
    if (!this.#takesBody || fits.length === 0) return { at: 'body' };
    this.#left -= fits.length;
    return this.#response.write(fits) ? { at: 'body' } : { at: 'full' };
  }
}
