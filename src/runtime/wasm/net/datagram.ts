import { Fdflags, Filetype, type Readiness } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import type { GuestBuffers } from '../wasi/guest-memory.ts';
import { SOCKET_RIGHTS } from '../wasi/rights.ts';
import type { SocketDescriptor } from '../wasi/sock.ts';
import { type Endpoint, isAny, isLoopback } from './address.ts';
import { DATAGRAM_LIMIT, type Datagram } from './datagram-frame.ts';
import { DatagramQueue } from './datagram-queue.ts';
import { DatagramWays } from './datagram-ways.ts';
import { isNameServer, NAME_SERVER } from './name-server.ts';
import type { Network } from './network.ts';

const SHUT_READ = 1;

/**
 * A UDP socket. It sends from its port to the guest itself, to other instances, to containers and outside, as the
 * project's networks allow; what it gets is from those it may talk to, and on a published port from anyone.
 */
export class DatagramSocket implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_DGRAM;
  fdflags = 0;
  rights = SOCKET_RIGHTS;
  inheriting = 0n;
  /** Port 0: not bound yet. */
  local: Endpoint;
  /** Who sent what was read last. */
  sender: Endpoint | undefined;
  /** What was read last was longer than the buffers. */
  isTruncated = false;
  readonly #network: Network;
  readonly #queue = new DatagramQueue();
  readonly #ways: DatagramWays;
  /** After `connect`: where `write` sends to, and from whom alone something is taken. */
  #peer: Endpoint | undefined;
  #error = 0;
  #noMore = false;

  constructor(network: Network, local: Endpoint) {
    this.#network = network;
    this.local = local;
    this.#ways = new DatagramWays(network, {
      receive: (datagram) => this.receive(datagram),
      fail: (errno) => this.#fail(errno),
    });
  }

  get peer(): Endpoint | undefined {
    return this.#peer;
  }

  /** From now on it is found at its port. Resolves with an errno when other instances find it, too. */
  async bind(local: Endpoint): Promise<number> {
    const errno = this.#bindHere(local);
    if (errno === Errno.SUCCESS && !isLoopback(local.address)) await this.#ways.openDoor(local.port);
    return errno;
  }

  /** Returns an errno. */
  connect(peer: Endpoint): number {
    if (this.local.port === 0) this.#bindHere({ ...this.local, port: this.#network.datagrams.ephemeralPort() });
    this.#peer = peer;
    return Errno.SUCCESS;
  }

  /** Takes a datagram for the guest, unless it is connected to somebody else. */
  receive(datagram: Datagram): void {
    const peer = this.#peer;
    const { from } = datagram;
    if (peer !== undefined && (peer.address !== from.address || peer.port !== from.port)) return;
    if (this.#queue.push(datagram)) this.#network.waiters.wake();
  }

  /** Whether what is sent to this address of the guest is for this socket. */
  listensOn(address: string): boolean {
    return isAny(this.local.address) || this.local.address === address;
  }

  /** Returns how much was sent, or a negated errno. It waits only until it is known whether it may send there. */
  sendTo(from: GuestBuffers, peer: Endpoint): number | Promise<number> {
    if (from.length > DATAGRAM_LIMIT) return -Errno.MSGSIZE;
    if (this.#error !== 0) return -this.takeError();
    if (peer.port === 0) return -Errno.INVAL;
    if (this.local.port === 0) this.#bindHere({ ...this.local, port: this.#network.datagrams.ephemeralPort() });
    const bytes = from.gather();
    if (isNameServer(peer)) {
      void this.#ask(bytes);
      return bytes.length;
    }
    if (this.#isOwn(peer)) return this.#sendHere(bytes, peer);
    if (isLoopback(this.local.address)) return -Errno.INVAL;
    if (this.#network.datagrams.answer(this.local.port, bytes, peer)) return bytes.length;
    const datagram = { bytes, from: { address: this.#network.address, port: this.local.port } };
    const errno = this.#ways.send(datagram, peer, this.#isNonblocking);
    return typeof errno === 'number' ? sent(errno, bytes) : errno.then((settled) => sent(settled, bytes));
  }

  read(into: GuestBuffers): number | Promise<number> {
    return this.#receiveInto(into, false);
  }

  peek(into: GuestBuffers): number | Promise<number> {
    return this.#receiveInto(into, true);
  }

  write(from: GuestBuffers): number | Promise<number> {
    return this.#peer === undefined ? -Errno.DESTADDRREQ : this.sendTo(from, this.#peer);
  }

  readiness(): Readiness {
    const isReady = this.#error !== 0 || this.#noMore;
    const readable = this.#queue.isEmpty && isReady ? 0 : this.#queue.nextLength;
    return { readable, writable: DATAGRAM_LIMIT, hangup: false };
  }

  /** The pending error, which is none afterwards: SO_ERROR. */
  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  shutdown(how: number): number {
    if (this.#peer === undefined) return Errno.NOTCONN;
    if ((how & SHUT_READ) !== 0) this.#noMore = true;
    this.#network.waiters.wake();
    return Errno.SUCCESS;
  }

  close(): void {
    this.#queue.clear();
    this.#network.datagrams.remove(this);
    this.#ways.close();
  }

  get #isNonblocking(): boolean {
    return (this.fdflags & Fdflags.NONBLOCK) !== 0;
  }

  #bindHere(local: Endpoint): number {
    const errno = this.#network.datagrams.add(this, local.port);
    if (errno === Errno.SUCCESS) this.local = local;
    return errno;
  }

  #isOwn({ address, port }: Endpoint): boolean {
    if (address === this.#network.address || isAny(address)) return true;
    // A client of a published port may be on the loopback of the machine, which is not the guest's.
    return isLoopback(address) && !this.#network.datagrams.isClient(this.local.port, { address, port });
  }

  #sendHere(bytes: Uint8Array, peer: Endpoint): number {
    const target = this.#network.datagrams.at(peer.port);
    const address = isAny(peer.address) ? '127.0.0.1' : peer.address;
    if (target === undefined || !target.listensOn(address)) this.#fail(Errno.CONNREFUSED);
    else target.receive({ bytes, from: { address, port: this.local.port } });
    return bytes.length;
  }

  #receiveInto(into: GuestBuffers, peek: boolean): number | Promise<number> {
    const isReady = (): boolean => !this.#queue.isEmpty || this.#error !== 0 || this.#noMore;
    if (isReady()) return this.#take(into, peek);
    if (this.#isNonblocking) return -Errno.AGAIN;
    return this.#network.waiters.until(isReady, () => this.#take(into, peek));
  }

  #take(into: GuestBuffers, peek: boolean): number {
    if (this.#error !== 0) return -this.takeError();
    const taken = this.#queue.take(into, peek);
    if (taken === undefined) return 0;
    this.sender = taken.datagram.from;
    this.isTruncated = taken.filled < taken.datagram.bytes.length;
    return taken.filled;
  }

  /** As Linux has it: who is not connected does not hear that nobody is there. */
  #fail(errno: number): void {
    if (this.#peer === undefined) return;
    this.#error = errno;
    this.#network.waiters.wake();
  }

  async #ask(query: Uint8Array): Promise<void> {
    try {
      const bytes = await this.#network.names.answer(query);
      if (bytes.length > 0) this.receive({ bytes, from: NAME_SERVER });
    } catch {
      // The main thread is gone, or is about to end this worker: datagrams may get lost.
    }
  }
}

function sent(errno: number, bytes: Uint8Array): number {
  return errno === Errno.SUCCESS ? bytes.length : -errno;
}
