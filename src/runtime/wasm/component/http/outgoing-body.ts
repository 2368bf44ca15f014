import { CLOSED, type Sink, type StreamError } from '../host/streams.ts';
import { err, OK, type Result } from '../host/interface.ts';
import type { HttpErrorCode } from './error-codes.ts';
import type { Fields } from './fields.ts';

/** Where a body goes: a message of Node's, which knows when it has had enough. */
export interface BodyTarget {
  readonly needsDrain: boolean;
  readonly isBroken: boolean;
  /** There may be room again. */
  wake(): void;
  /** More will follow. */
  write(bytes: Uint8Array): void;
  /** The end, perhaps with the last bytes. */
  end(last: Uint8Array | undefined, trailers: Fields | undefined): void;
  /** The body will not be what its head promised. */
  abort(): void;
}

/** As much is taken at once, and held while there is no target yet. */
const ROOM = 64 * 1024;

/**
 * `outgoing-body`. The first bytes are held until the guest lets go of the processor: a short answer is then one write,
 * with its length in the head.
 */
export class OutgoingBody implements Sink {
  readonly #expected: number | undefined;
  #target: BodyTarget | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #written = 0;
  #isFlushing = false;
  #isTaken = false;
  #isOver = false;
  /** It was finished before there was a target. */
  #finished: { readonly trailers: Fields | undefined } | undefined;

  /** `expected`: the Content-Length that the guest has set. */
  constructor(expected: number | undefined) {
    this.#expected = expected;
  }

  /** The head is known. */
  attach(target: BodyTarget): void {
    this.#target = target;
    if (this.#finished !== undefined) target.end(this.#takeHeld(), this.#finished.trailers);
    else if (this.#held.length > 0) this.#flushSoon();
  }

  /** Undefined: it was taken already. */
  stream(): Sink | undefined {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    return { room: () => this.room(), write: (bytes) => this.write(bytes), isFlushed: () => this.isFlushed() };
  }

  room(): number | StreamError {
    if (this.#isOver || this.#target?.isBroken === true) return CLOSED;
    if (this.#target === undefined) return ROOM - this.#heldBytes;
    return this.#target.needsDrain ? 0 : Math.max(ROOM - this.#heldBytes, 0);
  }

  write(bytes: Uint8Array): StreamError | undefined {
    if (this.#isOver) return CLOSED;
    if (this.#expected !== undefined && this.#written + bytes.length > this.#expected) return CLOSED;
    if (bytes.length === 0) return undefined;
    this.#written += bytes.length;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#target !== undefined) this.#flushSoon();
    return undefined;
  }

  /** Below the mark above which a writer waits, it has left as far as a guest can tell. */
  isFlushed(): boolean | StreamError {
    if (this.#target === undefined) return true;
    return this.#target.isBroken ? CLOSED : !this.#target.needsDrain;
  }

  finish(trailers: Fields | undefined): Result<undefined, HttpErrorCode> {
    if (this.#isOver) return OK;
    this.#isOver = true;
    if (this.#expected !== undefined && this.#written !== this.#expected) {
      this.#target?.abort();
      return err({ tag: 'HTTP-request-body-size', val: BigInt(this.#written) });
    }
    if (this.#target === undefined) {
      // The head is still to come: what was written goes with it.
      this.#finished = { trailers };
      return OK;
    }
    this.#target.end(this.#takeHeld(), trailers);
    return OK;
  }

  /** Without `finish` the body is no whole one. */
  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#target?.abort();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      const bytes = this.#takeHeld();
      if (bytes === undefined) return;
      this.#target?.write(bytes);
      this.#target?.wake();
    });
  }

  #takeHeld(): Uint8Array | undefined {
    const held = this.#held;
    if (held.length === 0) return undefined;
    this.#held = [];
    this.#heldBytes = 0;
    return held.length === 1 ? held[0] : Buffer.concat(held);
  }
}
