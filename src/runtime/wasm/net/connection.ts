import type { Socket } from 'node:net';

import { Fdflags, Filetype, type Readiness } from '../wasi/descriptor.ts';
import { Errno, errnoOf } from '../wasi/errno.ts';
import type { GuestBuffers } from '../wasi/guest-memory.ts';
import { SOCKET_RIGHTS } from '../wasi/rights.ts';
import type { SocketDescriptor } from '../wasi/sock.ts';
import type { Waiters } from '../wasi/waiters.ts';
import type { Endpoint } from './address.ts';
import { bareSocket, writeAtOnce } from './bare-socket.ts';
import { ByteQueue } from './byte-queue.ts';

/** Unread bytes above which the peer has to wait. */
const READ_AHEAD = 256 * 1024;
/** Unsent bytes above which the guest has to wait: `highWaterMark` of every socket that becomes a connection. */
export const SEND_AHEAD = 256 * 1024;

const Shut = { READ: 1, WRITE: 2 } as const;

/**
 * A stream socket of the guest, from `connect` or `accept` on. What the peer sent is read to its end before an error
 * or the end of file is told; an error is told once.
 */
export class Connection implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_STREAM;
  fdflags: number;
  rights = SOCKET_RIGHTS;
  inheriting = 0n;
  readonly peer: Endpoint;
  local: Endpoint;
  /** Closing sends a reset instead of what is left: SO_LINGER with no time. */
  resetOnClose = false;
  /** Runs when the descriptor is closed. */
  onClose: (() => void) | undefined;
  /** Told when the guest begins to owe the peer an answer, and when it no longer does. */
  onOwes: ((owes: boolean) => void) | undefined;
  readonly #waiters: Waiters;
  readonly #queue = new ByteQueue();
  readonly #readiness = { readable: -1, writable: -1, hangup: false };
  #socket: Socket | undefined;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #error = 0;
  #ended = false;
  #shut = 0;
  #owes = false;

  constructor(waiters: Waiters, local: Endpoint, peer: Endpoint, fdflags = 0) {
    this.#waiters = waiters;
    this.local = local;
    this.peer = peer;
    this.fdflags = fdflags;
  }

  get isConnecting(): boolean {
    return this.#state === 'connecting';
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Something is on its way to the peer. */
  get isSending(): boolean {
    return this.#socket !== undefined && this.#socket.writableLength > 0;
  }

  /**
   * The socket is connected and belongs to this descriptor; `received` are bytes already read from it. Returns the
   * socket that is to be used in its place.
   */
  attach(given: Socket, received?: Uint8Array): Socket {
    if (this.#state === 'closed') return given.destroy();
    const socket = bareSocket(given, SEND_AHEAD, this.#onData);
    this.#socket = socket;
    this.#state = 'open';
    if (received !== undefined) this.#queue.push(Buffer.from(received.buffer, received.byteOffset, received.length));
    socket.setNoDelay(true);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClosed);
    socket.on('error', this.#onError);
    socket.on('drain', this.#wake);
    this.#waiters.wake();
    return socket;
  }

  /** From now on what the peer sends is read. Not before the guest has accepted: until then it waits in the kernel. */
  startReading(): void {
    this.#socket?.resume();
  }

  /** The connection could not be made. */
  fail(errno: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#error = errno;
    this.#ended = true;
    this.#waiters.wake();
  }

  read(into: GuestBuffers): number | Promise<number> {
    if (this.#queue.length > 0) return this.#taken(this.#queue.take(into));
    return this.#receive(into, () => this.#queue.take(into));
  }

  peek(into: GuestBuffers, all: boolean): number | Promise<number> {
    const enough = all ? Math.min(into.length, READ_AHEAD) : 1;
    return this.#receive(into, () => this.#queue.peek(into), enough);
  }

  write(from: GuestBuffers): number | Promise<number> {
    if (this.#isWritable) return this.#send(from);
    if (this.#isNonblocking) return -Errno.AGAIN;
    return this.#waiters.until(
      () => this.#isWritable,
      () => this.#send(from),
    );
  }

  readiness(): Readiness {
    const readiness = this.#readiness;
    const { length } = this.#queue;
    readiness.readable = length > 0 ? length : this.#isFinished ? 0 : -1;
    readiness.writable = this.#state === 'open' && this.#socket?.writableNeedDrain === false ? SEND_AHEAD : -1;
    // Not for a peer that only finished sending: it may still want an answer.
    readiness.hangup = this.#state === 'closed';
    return readiness;
  }

  /** Waits until it is connected or is known not to be; returns the errno. */
  connected(): number | Promise<number> {
    return this.#waiters.until(
      () => !this.isConnecting,
      () => this.takeError(),
    );
  }

  /** The pending error, which is none afterwards: SO_ERROR. */
  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  shutdown(how: number): number {
    const socket = this.#socket;
    if (socket === undefined) return Errno.NOTCONN;
    if ((how & Shut.READ) !== 0) this.#queue.clear();
    if ((how & Shut.WRITE) !== 0 && (this.#shut & Shut.WRITE) === 0) socket.end();
    this.#shut |= how;
    this.#owe(false);
    this.#waiters.wake();
    return this.#state === 'open' ? Errno.SUCCESS : Errno.NOTCONN;
  }

  close(): void {
    const isOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#owe(false);
    this.#queue.clear();
    if (isOpen && this.resetOnClose) this.reset();
    else this.#socket?.destroySoon();
    this.onClose?.();
    this.#waiters.wake();
  }

  /** Ends the connection so that the peer sees a reset, where that is possible. */
  reset(): void {
    const socket = this.#socket;
    // Only TCP can be reset, and a TCP socket that is being shut down must not be: its handle would never be closed,
    // and the thread could not be ended.
    if (socket?.remoteAddress === undefined || socket.writableEnded) socket?.destroy();
    else socket.resetAndDestroy();
  }

  get #isNonblocking(): boolean {
    return (this.fdflags & Fdflags.NONBLOCK) !== 0;
  }

  /** A read would not wait, though there is nothing to read. */
  get #isFinished(): boolean {
    return this.#ended || this.#error !== 0 || (this.#shut & Shut.READ) !== 0;
  }

  get #isWritable(): boolean {
    return this.#state === 'closed' || (this.#shut & Shut.WRITE) !== 0 || this.#socket?.writableNeedDrain === false;
  }

  #receive(into: GuestBuffers, take: () => number, enough = 1): number | Promise<number> {
    const { length } = this.#queue;
    if (length >= enough || this.#isFinished || into.length === 0) return this.#taken(take());
    if (this.#isNonblocking) return -Errno.AGAIN;
    return this.#waiters.until(
      () => this.#queue.length >= enough || this.#isFinished,
      () => this.#taken(take()),
    );
  }

  #taken(n: number): number {
    if (n === 0) return -this.takeError();
    if (this.#queue.length < READ_AHEAD / 2 && this.#socket?.isPaused() === true) this.#socket.resume();
    return n;
  }

  #send(from: GuestBuffers): number {
    if (this.#error !== 0) return -this.takeError();
    const socket = this.#socket;
    if (socket === undefined || this.#state !== 'open') return -(this.isConnecting ? Errno.NOTCONN : Errno.PIPE);
    if ((this.#shut & Shut.WRITE) !== 0 || !socket.writable) return -Errno.PIPE;
    this.#owe(false);
    const queued = socket.writableLength;
    const sent = queued === 0 ? writeAtOnce(socket, from) : 0;
    if (sent === from.length) return sent;
    // Who blocks expects all to be sent; who polls takes what fits and comes again.
    const limit = this.#isNonblocking ? SEND_AHEAD - Math.min(queued, SEND_AHEAD - 1) : from.length;
    const bytes = (sent === 0 ? from : from.from(sent)).gather(limit);
    if (bytes.length > 0) socket.write(bytes);
    return sent + bytes.length;
  }

  /** The guest owes when the peer has sent something more recently than the guest has. */
  #owe(owes: boolean): void {
    if (owes === this.#owes) return;
    this.#owes = owes;
    this.onOwes?.(owes);
  }

  readonly #wake = (): void => this.#waiters.wake();

  readonly #onData = (bytes: Buffer, length: number): void => {
    if ((this.#shut & Shut.READ) !== 0) return;
    this.#queue.push(bytes, length);
    this.#owe(true);
    if (this.#queue.length > READ_AHEAD) this.#socket?.pause();
    this.#waiters.wake();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#waiters.wake();
  };

  readonly #onError = (error: Error): void => {
    this.#error = errnoOf(error);
    this.#waiters.wake();
  };

  readonly #onClosed = (): void => {
    this.#ended = true;
    this.#state = 'closed';
    this.#owe(false);
    this.#waiters.wake();
  };
}
