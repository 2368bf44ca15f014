import type { ExitStatus } from '../../../model/state.ts';
import type { Exchange } from '../http/front.ts';
import { Answer, type AnswerState } from './answer.ts';
import type { Body } from './body.ts';
import { type CgiStream, STEP, WINDOW } from './messages.ts';
import { BadHeader } from './response-header.ts';
import type { GuestEvents, Runner } from './runner.ts';

/** Answers of the server itself that a program may ask for in place of its own. */
const REDIRECT_LIMIT = 10;

export interface CallHooks {
  /** A line for the service's log. */
  log(text: string): void;
  stderr(chunk: Uint8Array): void;
  /** The guest has ended and another is to answer for it. */
  again(call: Call): void;
  /** The guest has ended; nothing more happens. */
  over(call: Call): void;
}

/** One request, from when its guest may begin to the end of both. */
export class Call implements GuestEvents {
  readonly exchange: Exchange;
  body: Body;
  method: string;
  target: string;
  id = 0;
  slot = 0;
  runner: Runner | undefined;
  /** When something last moved, whoever moved it. */
  progressAt = performance.now();
  /** Since when the guest is to end. */
  abortedAt: number | undefined;
  readonly #hooks: CallHooks;
  #answer: Answer;
  #redirects = 0;
  #next: string | undefined;
  /** Of the body: sent to the guest and not read by it. */
  #unread = 0;
  /** Of the answer: sent to the client and not counted back. */
  #uncounted = 0;
  #isStreaming = false;
  #isOver = false;

  constructor(exchange: Exchange, body: Body, hooks: CallHooks) {
    const { request, response } = exchange;
    this.exchange = exchange;
    this.body = body;
    this.method = request.method ?? 'GET';
    this.target = request.url ?? '/';
    this.#hooks = hooks;
    this.#answer = new Answer(response, this.method);
    response.once('close', () => {
      if (!response.writableFinished) this.abort();
    });
    response.on('drain', () => this.#countBack(true));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What the client sends from now on is for the guest. */
  begun(): void {
    const { request, response, expectsContinue } = this.exchange;
    if (this.abortedAt !== undefined || this.#isOver) return;
    this.#isStreaming = true;
    if (expectsContinue) response.writeContinue();
    request.on('data', (chunk: Uint8Array) => {
      if (this.abortedAt !== undefined || this.#isOver) return;
      this.progressAt = performance.now();
      // The runtime's own buffer may hold more than this piece: what is posted is copied with all of its buffer.
      this.runner?.send({ type: 'body', id: this.id, chunk: new Uint8Array(chunk) });
      this.#unread += chunk.length;
      if (this.#unread >= WINDOW) request.pause();
    });
    request.on('end', () => this.runner?.send({ type: 'body-end', id: this.id }));
    // The response is closed then, too.
    request.on('error', () => undefined);
  }

  output(stream: CgiStream, chunk: Uint8Array): void {
    this.progressAt = performance.now();
    if (stream === 'stderr') {
      this.#hooks.stderr(chunk);
      this.#count(chunk.length, true);
    } else if (this.abortedAt === undefined) {
      const state = this.#push(chunk, false);
      this.#count(chunk.length, state?.at !== 'full');
    }
  }

  read(bytes: number): void {
    this.progressAt = performance.now();
    this.#unread -= bytes;
    if (this.#unread < WINDOW && this.abortedAt === undefined) this.exchange.request.resume();
  }

  ended(exit: ExitStatus, output: Uint8Array | undefined): void {
    // What a trap leaves may be a part.
    if (this.abortedAt === undefined && output !== undefined) this.#push(output, exit.how === 'code');
    if (this.#next !== undefined) {
      this.#redirect(this.#next);
      return;
    }
    if (this.abortedAt === undefined) this.#finish(exit);
    this.#done();
  }

  /** Nothing has moved for too long. */
  timeOut(): void {
    const { request } = this.exchange;
    const isClients = this.#isStreaming && !request.complete && this.#unread === 0;
    if (isClients) this.fail(408, 'the client did not go on with its body');
    else this.fail(504, 'no answer in time (x-wasm.cgi.timeout)');
  }

  /** Answers with a status of the server's own, where that is still possible, and ends the guest. */
  fail(status: number, reason: string): void {
    const { response } = this.exchange;
    if (!response.destroyed) this.#hooks.log(`${this.method} ${shownPath(this.target)}: ${reason}`);
    this.abort();
    refuse(this.exchange, status);
  }

  /** Ends the guest; nothing of it goes to the client any more. */
  abort(): void {
    if (this.abortedAt !== undefined || this.#isOver) return;
    this.abortedAt = performance.now();
    this.#next = undefined;
    this.exchange.request.resume();
    this.runner?.send({ type: 'abort', id: this.id });
  }

  /** No guest has begun, and none will. */
  drop(): void {
    this.#done();
  }

  #push(chunk: Uint8Array, isLast: boolean): AnswerState | undefined {
    if (this.#next !== undefined) return undefined;
    try {
      const state = this.#answer.push(chunk, isLast);
      if (state.at === 'redirect') this.#plan(state.target);
      return state;
    } catch (error) {
      if (!(error instanceof BadHeader)) throw error;
      this.fail(502, `the program wrote ${error.message}`);
      return undefined;
    }
  }

  #plan(target: string): void {
    if (++this.#redirects > REDIRECT_LIMIT) {
      this.fail(502, `more than ${REDIRECT_LIMIT} local redirects, the last to ${shownPath(target)}`);
      return;
    }
    this.#next = target;
    // What it may still have to do is nobody's business any more.
    this.runner?.send({ type: 'abort', id: this.id });
  }

  /** As if the client had asked for the other path, without a body (RFC 3875, 6.2.2). */
  #redirect(target: string): void {
    const { request, response } = this.exchange;
    request.removeAllListeners('data').removeAllListeners('end').resume();
    this.#next = undefined;
    this.target = target;
    this.method = this.method === 'HEAD' ? 'HEAD' : 'GET';
    this.body = { kind: 'none' };
    this.#isStreaming = false;
    this.#answer = new Answer(response, this.method);
    this.runner = undefined;
    this.#hooks.again(this);
  }

  #finish(exit: ExitStatus): void {
    const { response } = this.exchange;
    const failed = describe(exit);
    const answer = this.#answer;
    if (!answer.hasHeader) {
      const what = answer.hasBegun ? 'ended within its header' : 'ended without an answer';
      this.fail(failed === undefined ? 502 : 500, failed ?? `the program ${what}`);
      return;
    }
    if (failed !== undefined) this.#hooks.log(`${this.method} ${shownPath(this.target)}: ${failed}`);
    if (!answer.isWhole)
      this.#hooks.log(`${this.method} ${shownPath(this.target)}: the body is shorter than its length`);
    // A program that returned had said all, whatever its status; the client must not take a part for the whole.
    if (exit.how === 'code' && answer.isWhole) response.end();
    // After what there is of the answer, but without its end.
    else this.exchange.request.socket.destroySoon();
  }

  #done(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A client that sends more than the guest wanted would wait for ever, and with it the next request.
    this.exchange.request.resume();
    this.#hooks.over(this);
  }

  #count(bytes: number, isTaken: boolean): void {
    this.#uncounted += bytes;
    if (isTaken) this.#countBack(false);
  }

  #countBack(hasDrained: boolean): void {
    if (hasDrained) this.progressAt = performance.now();
    if (this.#uncounted === 0 || (this.#uncounted < STEP && !hasDrained)) return;
    this.runner?.send({ type: 'taken', id: this.id, bytes: this.#uncounted });
    this.#uncounted = 0;
  }
}

/** Ends an exchange without a guest; the client learns the status and nothing else. */
export function refuse(exchange: Exchange, status: number, fields: readonly string[] = []): void {
  const { request, response } = exchange;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // The rest of a body that nobody wants would have to be read first.
  if (!request.complete) response.shouldKeepAlive = false;
  const text = `${status}\n`;
  response.writeHead(status, ['Content-Type', 'text/plain', 'Content-Length', String(text.length), ...fields]);
  response.end(text);
}

function describe(exit: ExitStatus): string | undefined {
  switch (exit.how) {
    case 'code':
      return exit.code === 0 ? undefined : `the program ended with status ${exit.code}`;
    case 'trap':
      return [`trap: ${exit.message}`, ...exit.backtrace.map((frame) => `    in ${frame}`)].join('\n');
    case 'lost':
      return exit.reason;
    case 'killed':
      return 'the program was ended';
  }
}

/** For the log: without what follows the `?`, which may be a secret. */
function shownPath(target: string): string {
  const path = target.split('?', 1)[0] ?? '';
  return path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path;
}

const SHOWN = 200;
