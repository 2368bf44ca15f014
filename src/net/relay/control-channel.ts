import type { Duplex } from 'node:stream';

import { untilAborted } from '../until-aborted.ts';
import { attachDemux } from './attach-demux.ts';
import { encodeFrame, FRAME, frameReader, helloFrame, isHello, isOfStream } from './frames.ts';
import type { Frame } from './frames.ts';
import { RelayLostError, RelayRefusedError } from './relay-errors.ts';
import { RelayStreams } from './relay-streams.ts';
import type { OnOpen } from './relay-streams.ts';

/**
 * Requests to one relay over its attached stdin and stdout, and the connections that travel there too. Closing it
 * ends the relay, whose stdin ends then.
 */
export class ControlChannel implements Disposable {
  /** Connections that are not handed over by unix sockets. */
  readonly streams: RelayStreams;
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  readonly #hello = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<string>();
  #lost: string | undefined;
  #said = '';
  #next = 1;

  constructor(stream: Duplex, onOpen: OnOpen) {
    this.#stream = stream;
    this.streams = new RelayStreams(stream, onOpen);
    // Whoever waits for HELLO or an answer gets the error; without a waiter it is told by `ended`.
    this.#hello.promise.catch(() => {});
    const read = frameReader((frame) => this.#onFrame(frame));
    const demux = attachDemux(read, (bytes) => {
      this.#said = (this.#said + bytes.toString('utf8')).slice(-MAX_SAID);
    });
    stream.on('data', (chunk: Buffer) => {
      try {
        demux(chunk);
      } catch (error) {
        this.#lose(`it sent what is not of its protocol: ${(error as Error).message}`);
      }
    });
    stream.on('error', (error) => this.#lose(error.message));
    stream.on('end', () => this.#lose(this.#said.trim() || 'its connection ended'));
    stream.on('close', () => this.#lose('its connection was closed'));
    stream.write(helloFrame());
  }

  /** Resolves with the reason when the relay or the connection to it has ended; never rejects. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** Resolves when the relay serves. Throws RelayLostError. */
  async hello(signal: AbortSignal): Promise<void> {
    await untilAborted(this.#hello.promise, signal);
  }

  async listen(port: number, signal: AbortSignal): Promise<void> {
    await this.#request(FRAME.listen, port, signal);
  }

  /** Resolves when containers are refused; connections that are open stay. */
  async unlisten(port: number, signal: AbortSignal): Promise<void> {
    await this.#request(FRAME.unlisten, port, signal);
  }

  [Symbol.dispose](): void {
    this.#lose('it was stopped');
  }

  async #request(type: number, port: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#lost !== undefined) throw new RelayLostError(this.#lost);
    const id = this.#next++;
    const answer = Promise.withResolvers<void>();
    this.#waiting.set(id, answer);
    this.#stream.write(encodeFrame(type, id, Buffer.from(`* ${port}`)));
    await untilAborted(answer.promise, signal);
  }

  #onFrame(frame: Frame): void {
    if (isHello(frame)) {
      this.#hello.resolve();
      return;
    }
    if (isOfStream(frame)) {
      this.streams.onFrame(frame);
      return;
    }
    const waiter = this.#waiting.get(frame.id);
    this.#waiting.delete(frame.id);
    if (frame.type === FRAME.ok) waiter?.resolve();
    else if (frame.type === FRAME.error) waiter?.reject(new RelayRefusedError(frame.payload.toString('latin1')));
    else throw new RangeError(`a frame of type ${frame.type}`);
  }

  #lose(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    const error = new RelayLostError(reason);
    this.#hello.reject(error);
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
    this.streams.lose(reason);
    this.#ended.resolve(reason);
    this.#stream.destroy();
  }
}

const MAX_SAID = 2_000;
