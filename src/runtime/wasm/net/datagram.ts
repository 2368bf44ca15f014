import { Fdflags, Filetype, type Readiness } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import type { GuestBuffers } from '../wasi/guest-memory.ts';
import { SOCKET_RIGHTS } from '../wasi/rights.ts';
import type { SocketDescriptor } from '../wasi/sock.ts';
import type { Endpoint } from './address.ts';
import { ByteQueue } from './byte-queue.ts';
import { isNameServer, NAME_SERVER } from './name-server.ts';
import type { Network } from './network.ts';

/** Answers that wait to be read; resolvers ask for two at a time. */
const QUEUE_LIMIT = 64;

/** A UDP socket. Only names can be asked for: the fabric carries streams. Whatever else is sent is refused. */
export class DatagramSocket implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_DGRAM;
  fdflags = 0;
  rights = SOCKET_RIGHTS;
  inheriting = 0n;
  local: Endpoint;
  /** Where `write` sends to, after `connect`. */
  peer: Endpoint | undefined;
  readonly #network: Network;
  readonly #answers: Uint8Array[] = [];

  constructor(network: Network, local: Endpoint) {
    this.#network = network;
    this.local = local;
  }

  /** Returns how much was sent, or a negated errno. */
  sendTo(from: GuestBuffers, peer: Endpoint): number {
    if (!isNameServer(peer)) {
      this.#network.uplink.log(`refused to send UDP to ${peer.address}:${peer.port}: only TCP is supported`);
      return -Errno.NETUNREACH;
    }
    const query = from.gather();
    void this.#ask(query);
    return query.length;
  }

  /** The next datagram, which is cut where the buffers end. */
  receiveFrom(into: GuestBuffers): number | Promise<number> {
    if (this.#answers.length > 0) return this.#take(into);
    if ((this.fdflags & Fdflags.NONBLOCK) !== 0) return -Errno.AGAIN;
    return this.#network.waiters.until(
      () => this.#answers.length > 0,
      () => this.#take(into),
    );
  }

  /** All that can come comes from there. */
  get sender(): Endpoint {
    return NAME_SERVER;
  }

  read(into: GuestBuffers): number | Promise<number> {
    return this.receiveFrom(into);
  }

  write(from: GuestBuffers): number {
    return this.peer === undefined ? -Errno.DESTADDRREQ : this.sendTo(from, this.peer);
  }

  readiness(): Readiness {
    return { readable: this.#answers[0]?.length ?? -1, writable: 65_507, hangup: false };
  }

  close(): void {
    this.#answers.length = 0;
  }

  async #ask(query: Uint8Array): Promise<void> {
    try {
      const answer = await this.#network.names.answer(query);
      if (answer.length === 0 || this.#answers.length >= QUEUE_LIMIT) return;
      this.#answers.push(answer);
      this.#network.waiters.wake();
    } catch {
      // The main thread is gone, or is about to end this worker: datagrams may get lost.
    }
  }

  #take(into: GuestBuffers): number {
    const queue = new ByteQueue();
    queue.push(this.#answers.shift() ?? new Uint8Array(0));
    return queue.take(into);
  }
}
