import { Duplex } from 'node:stream';

import { FRAME, WINDOW } from './frames.ts';

/** What a stream needs of the connection that carries it. */
export interface Carrier {
  /** A frame without data, in the order of the calls. */
  send(type: number, id: number, payload?: Buffer): void;
  sendData(id: number, bytes: Buffer): void;
  /** The stream has bytes to send and credit for them: `sendPiece` will be called when it is its turn. */
  ready(stream: RelayStream): void;
  forget(stream: RelayStream): void;
}

/**
 * One TCP connection of a relay. Ending it is a half-close; destroying it before both sides have ended resets the
 * connection. A reset from the other side destroys it: `close` comes, and reading did not end.
 */
export class RelayStream extends Duplex {
  readonly id: number;
  readonly #carrier: Carrier;
  #credit = WINDOW;
  /** Bytes received that the relay was not given CREDIT for yet. */
  #received = 0;
  #waiting: Buffer | undefined;
  #written: (() => void) | undefined;
  #finSent = false;
  #finReceived = false;
  #wasReset = false;

  constructor(carrier: Carrier, id: number) {
    super({ allowHalfOpen: true });
    this.#carrier = carrier;
    this.id = id;
    // Whoever reads and writes it sees `close`; before anybody does, an error must not end the process.
    this.on('error', () => {});
  }

  /** Sends at most `max` bytes, as many as there is credit for. */
  sendPiece(max: number): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#credit === 0) return;
    const piece = waiting.subarray(0, Math.min(max, this.#credit));
    const isLast = piece.length === waiting.length;
    this.#credit -= piece.length;
    this.#waiting = isLast ? undefined : waiting.subarray(piece.length);
    this.#carrier.sendData(this.id, piece);
    if (!isLast) return;
    const written = this.#written;
    this.#written = undefined;
    // It may send FIN at once, which must not overtake the data.
    written?.();
  }

  get canSend(): boolean {
    return this.#waiting !== undefined && this.#credit > 0;
  }

  addCredit(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, WINDOW);
    if (this.canSend) this.#carrier.ready(this);
  }

  receive(bytes: Buffer): void {
    this.#received += bytes.length;
    // Otherwise `_read` gives the credit, when what is here has been read.
    if (this.push(bytes)) this.#giveCredit();
  }

  receiveEnd(): void {
    this.#finReceived = true;
    this.push(null);
  }

  receiveReset(errno: string): void {
    this.#wasReset = true;
    this.destroy(new Error(`the connection was reset: ${errno === '' ? 'ECONNRESET' : errno}`));
  }

  override _read(): void {
    this.#giveCredit();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (chunk.length === 0) {
      callback();
      return;
    }
    this.#waiting = chunk;
    this.#written = callback;
    if (this.canSend) this.#carrier.ready(this);
  }

  override _final(callback: () => void): void {
    this.#finSent = true;
    this.#carrier.send(FRAME.fin, this.id);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.#wasReset && !(this.#finSent && this.#finReceived)) this.#carrier.send(FRAME.reset, this.id);
    this.#carrier.forget(this);
    callback(error);
  }

  #giveCredit(): void {
    if (this.#received < CREDIT_STEP || this.#finReceived) return;
    const credit = Buffer.alloc(4);
    credit.writeUInt32LE(this.#received);
    this.#received = 0;
    this.#carrier.send(FRAME.credit, this.id, credit);
  }
}

const CREDIT_STEP = WINDOW / 4;
