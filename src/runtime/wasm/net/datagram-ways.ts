import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';

import type { DatagramDoor, DatagramVerdict } from '../../../net/fabric.ts';
import { Errno, errnoOf } from '../wasi/errno.ts';
import type { Endpoint } from './address.ts';
import { REFUSALS } from './connect.ts';
import { type Datagram, decodeFrame, encodeFrame, FRAMED_LIMIT } from './datagram-frame.ts';
import type { Network } from './network.ts';
import { suspendUntil } from './suspend.ts';

/** Peers outside of the process to which one socket of a guest talks at once; the one it has not for longest goes. */
const PEERS_LIMIT = 64;
/** Datagrams that wait until it is known whether they may be sent. */
const WAITING_LIMIT = 64;
/** How long an answer of the fabric counts: networks change, and a guest that is refused may ask in a loop. */
const ALLOWED_MS = 5_000;
const REFUSED_MS = 250;

export interface WaysHooks {
  receive(datagram: Datagram): void;
  /** Nobody is there. */
  fail(errno: number): void;
}

interface Way {
  readonly verdict: DatagramVerdict;
  readonly until: number;
}

/**
 * How the datagrams of one guest socket leave this process, and how answers come. To each peer outside of the process
 * leads a socket of its own that is connected to it, as behind a router with address translation: so the kernel keeps
 * everybody else out and tells when nobody is there. Other instances have doors.
 */
export class DatagramWays {
  readonly #network: Network;
  readonly #hooks: WaysHooks;
  readonly #ways = new Map<string, Way>();
  readonly #asked = new Map<string, Promise<Way>>();
  /** In the order of their last use. */
  readonly #peers = new Map<string, Promise<Socket>>();
  #door: { readonly port: number; readonly opened: Promise<Socket> } | undefined;
  #waiting = 0;
  #isClosed = false;

  constructor(network: Network, hooks: WaysHooks) {
    this.#network = network;
    this.#hooks = hooks;
  }

  /** Other instances reach the guest's `port` from now on. Resolves when they do. */
  async openDoor(port: number): Promise<void> {
    await this.#openDoor(port);
  }

  /**
   * Sends, when it is known that it may. Returns an errno; who does not block hears of a refusal only in the log, as a
   * datagram that is lost on its way.
   */
  send(datagram: Datagram, peer: Endpoint, isNonblocking: boolean): number | Promise<number> {
    const key = keyOf(peer);
    const known = this.#ways.get(key);
    if (known !== undefined && known.until > performance.now()) return this.#go(known.verdict, datagram, peer);
    if (this.#waiting >= WAITING_LIMIT) return Errno.SUCCESS;
    this.#waiting++;
    const sent = this.#ask(key, peer).then(({ verdict }) => this.#go(verdict, datagram, peer));
    const done = sent.finally(() => this.#waiting--);
    if (!isNonblocking) return suspendUntil(this.#network.waiters, done, (errno) => errno);
    done.catch(() => undefined);
    return Errno.SUCCESS;
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#peers.values()) void closeSoon(socket);
    this.#peers.clear();
    if (this.#door === undefined) return;
    this.#network.uplink.datagrams(this.#door.port, undefined);
    void closeSoon(this.#door.opened);
  }

  async #ask(key: string, { address, port }: Endpoint): Promise<Way> {
    const asked = this.#asked.get(key) ?? this.#authorize(address, port);
    this.#asked.set(key, asked);
    try {
      const way = await asked;
      if (this.#ways.size >= PEERS_LIMIT) this.#ways.clear();
      this.#ways.set(key, way);
      return way;
    } finally {
      this.#asked.delete(key);
    }
  }

  async #authorize(address: string, port: number): Promise<Way> {
    const verdict = await this.#network.uplink.authorizeDatagram(address, port);
    return { verdict, until: performance.now() + (verdict.to === 'refused' ? REFUSED_MS : ALLOWED_MS) };
  }

  #go(verdict: DatagramVerdict, datagram: Datagram, peer: Endpoint): number {
    switch (verdict.to) {
      case 'refused': {
        const errno = REFUSALS[verdict.errno];
        // Nobody is there: a network would not tell who is not connected.
        if (errno !== Errno.CONNREFUSED) return errno;
        this.#hooks.fail(errno);
        return Errno.SUCCESS;
      }
      case 'udp':
        void this.#post(datagram.bytes, verdict, peer);
        return Errno.SUCCESS;
      case 'door':
        if (datagram.bytes.length > FRAMED_LIMIT) return Errno.MSGSIZE;
        void this.#knock(datagram, verdict.door);
        return Errno.SUCCESS;
    }
  }

  async #post(bytes: Uint8Array, to: { readonly host: string; readonly port: number }, peer: Endpoint): Promise<void> {
    const key = `${to.host}:${to.port}`;
    const opened = this.#peers.get(key) ?? this.#connect(to, peer);
    this.#peers.delete(key);
    this.#peers.set(key, opened);
    const [oldest] = this.#peers;
    if (this.#peers.size > PEERS_LIMIT && oldest !== undefined) {
      this.#peers.delete(oldest[0]);
      void closeSoon(oldest[1]);
    }
    try {
      const socket = await opened;
      if (!this.#isClosed) socket.send(bytes, (error) => this.#failed(error));
    } catch (error) {
      this.#peers.delete(key);
      this.#failed(error);
    }
  }

  async #connect(to: { readonly host: string; readonly port: number }, peer: Endpoint): Promise<Socket> {
    const socket = createSocket('udp4');
    socket.on('message', (bytes) => this.#hooks.receive({ bytes, from: peer }));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on('error', (error) => {
      reject(error);
      this.#failed(error);
    });
    socket.connect(to.port, to.host, resolve);
    await promise;
    return socket;
  }

  async #knock(datagram: Datagram, { port, key }: DatagramDoor): Promise<void> {
    try {
      const socket = await this.#openDoor(datagram.from.port);
      if (!this.#isClosed)
        socket.send(encodeFrame(Buffer.from(key, 'hex'), datagram), port, LOOPBACK, (error) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  async #openDoor(port: number): Promise<Socket> {
    this.#door ??= { port, opened: this.#listen(port) };
    return await this.#door.opened;
  }

  /** The main thread knows of it before it is asked about whoever gets a datagram from here. */
  async #listen(port: number): Promise<Socket> {
    const socket = createSocket('udp4');
    const key = randomBytes(16);
    socket.on('message', (frame) => {
      const datagram = decodeFrame(key, frame);
      if (datagram !== undefined) this.#hooks.receive(datagram);
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('error', reject);
    socket.bind(0, LOOPBACK, resolve);
    await promise;
    socket.off('error', reject);
    socket.on('error', (error) => this.#failed(error));
    if (!this.#isClosed)
      this.#network.uplink.datagrams(port, { port: socket.address().port, key: key.toString('hex') });
    return socket;
  }

  #failed(error: unknown): void {
    if (error !== null && error !== undefined && !this.#isClosed) this.#hooks.fail(errnoOf(error));
  }
}

const LOOPBACK = '127.0.0.1';

function keyOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}

async function closeSoon(opened: Promise<Socket>): Promise<void> {
  try {
    (await opened).close();
  } catch {
    // It was never open.
  }
}
