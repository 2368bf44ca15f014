import type { Duplex } from 'node:stream';

import { untilAborted } from '../until-aborted.ts';
import { encodeFrame, FRAME, frameHeader, MAX_DATA } from './frames.ts';
import type { Frame } from './frames.ts';
import { RelayLostError, RelayRefusedError } from './relay-errors.ts';
import { RelayStream } from './relay-stream.ts';
import type { Carrier } from './relay-stream.ts';

/** A container connected to a port the relay listens on; `peer` is `<address> <port>`. */
export type OnOpen = (port: number, peer: string, stream: RelayStream) => void;

/**
 * The connections of one relay that travel over its control channel. They take turns, so that none holds up another,
 * and wait while the channel takes no more.
 */
export class RelayStreams implements Carrier {
  readonly #channel: Duplex;
  readonly #onOpen: OnOpen;
  readonly #streams = new Map<number, RelayStream>();
  readonly #dials = new Map<number, PromiseWithResolvers<RelayStream>>();
  /** Streams with something to send; a Set keeps the order of their turns. */
  readonly #ready = new Set<RelayStream>();
  #sending = false;
  #lost: string | undefined;
  /** The relay gives odd ones. */
  #nextId = 2;

  constructor(channel: Duplex, onOpen: OnOpen) {
    this.#channel = channel;
    this.#onOpen = onOpen;
    channel.on('drain', () => this.#sendReady());
  }

  /** Lets the relay connect. Throws RelayRefusedError with the errno, RelayLostError, or the signal's reason. */
  async dial(address: string, port: number, signal: AbortSignal): Promise<RelayStream> {
    signal.throwIfAborted();
    if (this.#lost !== undefined) throw new RelayLostError(this.#lost);
    const id = this.#nextId;
    this.#nextId += 2;
    const dial = Promise.withResolvers<RelayStream>();
    this.#dials.set(id, dial);
    this.send(FRAME.dial, id, Buffer.from(`${address} ${port}`));
    try {
      return await untilAborted(dial.promise, signal);
    } catch (error) {
      if (this.#dials.delete(id)) this.send(FRAME.reset, id);
      // It may have been opened in the moment the signal came.
      else dial.promise.then((stream) => stream.destroy()).catch(() => {});
      throw error;
    }
  }

  /** Throws RangeError on what the relay cannot have sent. */
  onFrame({ type, id, payload }: Frame): void {
    switch (type) {
      case FRAME.open:
        this.#open(id, payload.toString('latin1'));
        return;
      case FRAME.opened:
        this.#opened(id);
        return;
      // Those of a stream that is gone were sent before the relay knew.
      case FRAME.data:
        this.#streams.get(id)?.receive(payload);
        return;
      case FRAME.fin:
        this.#streams.get(id)?.receiveEnd();
        return;
      case FRAME.reset:
        this.#reset(id, payload.toString('latin1'));
        return;
      case FRAME.credit:
        this.#streams.get(id)?.addCredit(payload.readUInt32LE(0));
        return;
      default:
        throw new RangeError(`a frame of type ${type}`);
    }
  }

  /** The channel is gone: all streams are reset, all dials fail. */
  lose(reason: string): void {
    this.#lost = reason;
    const error = new RelayLostError(reason);
    for (const dial of this.#dials.values()) dial.reject(error);
    this.#dials.clear();
    for (const stream of this.#streams.values()) stream.destroy(error);
    this.#ready.clear();
  }

  send(type: number, id: number, payload?: Buffer): void {
    if (this.#lost === undefined) this.#channel.write(encodeFrame(type, id, payload ?? NOTHING));
  }

  sendData(id: number, bytes: Buffer): void {
    this.#channel.write(frameHeader(FRAME.data, id, bytes.length));
    this.#channel.write(bytes);
  }

  ready(stream: RelayStream): void {
    this.#ready.add(stream);
    this.#sendReady();
  }

  forget(stream: RelayStream): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
  }

  /** One piece of each in turn, in one write, until the channel has enough. It is called again when it has drained. */
  #sendReady(): void {
    if (this.#sending || this.#lost !== undefined) return;
    this.#sending = true;
    this.#channel.cork();
    for (const stream of this.#ready) {
      if (this.#channel.writableLength >= MAX_AHEAD) break;
      this.#ready.delete(stream);
      stream.sendPiece(MAX_DATA);
      // At the end of the Set: this loop comes to it again.
      if (stream.canSend) this.#ready.add(stream);
    }
    this.#channel.uncork();
    this.#sending = false;
  }

  #open(id: number, text: string): void {
    const [port = '', ...peer] = text.split(' ');
    const stream = this.#add(id);
    this.#onOpen(Number(port), peer.join(' '), stream);
  }

  #opened(id: number): void {
    const dial = this.#dials.get(id);
    this.#dials.delete(id);
    dial?.resolve(this.#add(id));
  }

  #reset(id: number, errno: string): void {
    const dial = this.#dials.get(id);
    this.#dials.delete(id);
    dial?.reject(new RelayRefusedError(errno));
    this.#streams.get(id)?.receiveReset(errno);
  }

  #add(id: number): RelayStream {
    const stream = new RelayStream(this, id);
    this.#streams.set(id, stream);
    return stream;
  }
}

const NOTHING = Buffer.alloc(0);
/** Above the channel's own high water mark, so that it drains; little enough that turns mean something. */
const MAX_AHEAD = 256 * 1024;
