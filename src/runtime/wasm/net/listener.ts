import { Fdflags, Filetype, type Descriptor, type Readiness } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import { SOCKET_RIGHTS } from '../wasi/rights.ts';
import type { SocketDescriptor } from '../wasi/sock.ts';
import type { Waiters } from '../wasi/waiters.ts';
import type { Endpoint } from './address.ts';
import type { Connection } from './connection.ts';

/** Connections that may wait for the guest; the rest is refused. */
const BACKLOG = 4096;

/** A listening socket of the guest. */
export class Listener implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_STREAM;
  rights = SOCKET_RIGHTS;
  inheriting = SOCKET_RIGHTS;
  readonly local: Endpoint;
  readonly #waiters: Waiters;
  readonly #queue: Connection[] = [];
  #fdflags: number;
  #onClose: (() => void) | undefined;

  constructor(waiters: Waiters, local: Endpoint, fdflags: number) {
    this.#waiters = waiters;
    this.local = local;
    this.#fdflags = fdflags;
  }

  get fdflags(): number {
    return this.#fdflags;
  }

  set fdflags(flags: number) {
    this.#fdflags = flags;
  }

  /** What closes the door behind this listener. */
  set onClose(close: () => void) {
    this.#onClose = close;
  }

  /** A connection that the guest may accept; reset when too many wait already. */
  offer(connection: Connection): void {
    if (this.#onClose === undefined || this.#queue.length >= BACKLOG) {
      connection.reset();
      return;
    }
    this.#queue.push(connection);
    this.#waiters.wake();
  }

  accept(fdflags: number): Descriptor | number | Promise<Descriptor | number> {
    if (this.#queue.length > 0) return this.#take(fdflags);
    if (this.isNonblocking) return -Errno.AGAIN;
    return this.#waiters.until(
      () => this.#queue.length > 0,
      () => this.#take(fdflags),
    );
  }

  readiness(): Readiness {
    return { readable: this.#queue.length > 0 ? this.#queue.length : -1, writable: -1, hangup: false };
  }

  close(): void {
    this.#onClose?.();
    this.#onClose = undefined;
    for (const connection of this.#queue.splice(0)) connection.reset();
  }

  protected get isNonblocking(): boolean {
    return (this.#fdflags & Fdflags.NONBLOCK) !== 0;
  }

  #take(fdflags: number): Connection | number {
    const connection = this.#queue.shift();
    if (connection === undefined) return -Errno.AGAIN;
    connection.fdflags = fdflags & Fdflags.NONBLOCK;
    connection.startReading();
    return connection;
  }
}

/**
 * A listener that the guest finds open when it starts. Go needs to be told that it is NONBLOCK; Rust and C never ask
 * and need `accept` to wait. So it says NONBLOCK and waits all the same for a guest that never asked.
 */
export class PreopenedListener extends Listener {
  #wasAsked = false;

  constructor(waiters: Waiters, local: Endpoint) {
    super(waiters, local, Fdflags.NONBLOCK);
  }

  override get fdflags(): number {
    this.#wasAsked = true;
    return super.fdflags;
  }

  override set fdflags(flags: number) {
    this.#wasAsked = true;
    super.fdflags = flags;
  }

  protected override get isNonblocking(): boolean {
    return this.#wasAsked && super.isNonblocking;
  }
}
