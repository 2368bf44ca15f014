import type { ServerResponse } from 'node:http';

import type { Result } from '../host/interface.ts';
import type { HttpErrorCode } from './error-codes.ts';
import type { OutgoingResponse } from './outgoing.ts';

export type ResponseResult = Result<OutgoingResponse, HttpErrorCode>;

/** `response-outparam`: where the answer of one request goes, once. */
export class ResponseOutparam {
  readonly #response: ServerResponse;
  readonly #wake: () => void;
  #error: HttpErrorCode | undefined;
  #isSet = false;

  constructor(response: ServerResponse, wake: () => void) {
    this.#response = response;
    this.#wake = wake;
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** The guest gave an error instead of an answer. */
  get error(): HttpErrorCode | undefined {
    return this.#error;
  }

  /** False: there is an answer already. */
  set(result: ResponseResult): boolean {
    if (this.#isSet) return false;
    this.#isSet = true;
    if (result.tag === 'ok') result.val.send(this.#response, this.#wake);
    else this.#error = result.val;
    return true;
  }
}
