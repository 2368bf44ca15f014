import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';

import type { ConnectVerdict, DatagramDoor, DatagramVerdict, PublishedListener } from '../../../net/fabric.ts';
import { Errno } from '../wasi/errno.ts';
import type { Waiters } from '../wasi/waiters.ts';
import { type Endpoint, isAny, isLoopback } from './address.ts';
import { Connection, SEND_AHEAD } from './connection.ts';
import { DatagramPorts } from './datagram-ports.ts';
import { readHello } from './hello.ts';
import type { Listener } from './listener.ts';
import { NameServer } from './name-server.ts';
import { openPublishedDoor, type PublishedDoor } from './published-door.ts';
import { Traffic } from './traffic.ts';

/** How long after the start a client of a published port is held while the guest does not listen yet. */
const HOLD_MS = 10_000;
const HOLD_LIMIT = 1024;
const FIRST_EPHEMERAL = 32_768;
const LAST_PORT = 65_535;

/** What the worker asks and tells the main thread of the guest's network. */
export interface Uplink {
  authorize(address: string, port: number): Promise<ConnectVerdict>;
  authorizeDatagram(address: string, port: number): Promise<DatagramVerdict>;
  resolve(name: string): Promise<readonly string[]>;
  /** Other instances reach the guest's UDP port there from now on, or no longer. */
  datagrams(port: number, door: DatagramDoor | undefined): void;
  /** The guest listens on a port from now on, or no longer; `isPrivate`: for itself only. */
  listening(port: number, isPrivate: boolean, listening: boolean): void;
  /** A line for the service's log. */
  log(text: string): void;
}

export interface NetworkOptions {
  readonly socketDir: string;
  /** The instance's own address. */
  readonly address: string;
  readonly waiters: Waiters;
  readonly uplink: Uplink;
  /** Ports of the instance that the host serves for it; it then cannot listen itself. */
  readonly served?: readonly number[];
  /** Told how many clients wait for an answer of the guest, whenever that changes. */
  readonly onOwed: (owed: number) => void;
  readonly closesByShutdown?: boolean;
}

/** Gets a connection to a port: its socket, paused, and what was already read from it. */
type Take = (socket: Socket, peer: Endpoint, rest?: Uint8Array) => void;

/** Whoever listens on a port. */
interface Taker {
  readonly take: Take;
  /** The doors are open: connections come from now on. */
  readonly opened: () => void;
  readonly close: () => void;
}

interface Door {
  readonly taker: Taker;
  readonly isPrivate: boolean;
  readonly server: Server;
}

/**
 * The network as one guest has it: its ports, the sockets of the host behind them, and its open connections.
 * A client of a published port that comes before the guest listens is held for a while after the start, as a guest
 * needs a moment; later, and for a port on which the guest never listens, it is reset.
 */
export class Network {
  readonly address: string;
  readonly uplink: Uplink;
  readonly waiters: Waiters;
  /** Answers guests that bring their own resolver. */
  readonly names: NameServer;
  /** See `GuestRequest`. */
  readonly closesByShutdown: boolean;
  readonly datagrams = new DatagramPorts();
  readonly traffic = new Traffic();
  readonly #socketDir: string;
  readonly #served: readonly number[] | undefined;
  readonly #doors = new Map<number, Door>();
  readonly #published: PublishedDoor[] = [];
  /** Clients that wait for the guest to listen on their port. */
  readonly #held = new Map<number, Socket[]>();
  readonly #connections = new Set<Connection>();
  readonly #onOwed: (owed: number) => void;
  #owed = 0;
  #holdTimer: NodeJS.Timeout | undefined;
  #lastEphemeral = FIRST_EPHEMERAL;

  constructor(options: NetworkOptions) {
    this.address = options.address;
    this.uplink = options.uplink;
    this.waiters = options.waiters;
    this.#onOwed = options.onOwed;
    this.#socketDir = options.socketDir;
    this.#served = options.served;
    this.closesByShutdown = options.closesByShutdown === true;
    this.names = new NameServer(options.socketDir, async (name) => await options.uplink.resolve(name));
  }

  /** Binds a published port; the result has the number it got. Rejects with the system's error. */
  async publish(wanted: PublishedListener): Promise<PublishedListener> {
    if (wanted.protocol === 'udp') return await this.datagrams.publish(wanted);
    this.#holdTimer ??= setTimeout(() => this.#holdNoMore(), HOLD_MS).unref();
    const door = await openPublishedDoor(wanted, (socket) => this.#arrive(socket, wanted.target));
    this.#published.push(door);
    return { ...wanted, published: door.published };
  }

  /** A port that nobody of the guest uses. */
  ephemeralPort(): number {
    do {
      this.#lastEphemeral = this.#lastEphemeral >= LAST_PORT ? FIRST_EPHEMERAL : this.#lastEphemeral + 1;
    } while (this.#doors.has(this.#lastEphemeral));
    return this.#lastEphemeral;
  }

  isTaken(port: number): boolean {
    return this.#doors.has(port);
  }

  /** Whether the guest may bind this address. */
  isOwn(address: string): boolean {
    return isAny(address) || isLoopback(address) || address === this.address;
  }

  /** Opens the doors to the listener's port. Resolves with an errno. */
  async listen(listener: Listener): Promise<number> {
    if (this.#served !== undefined) {
      this.uplink.log('the program cannot listen: with interface cgi it is run for each request');
      return Errno.ACCES;
    }
    return await this.#open(listener.local, {
      take: (socket, peer, rest) => this.#offer(listener, socket, peer, rest),
      opened: () => {
        listener.onClose = () => this.#unlisten(listener.local.port);
      },
      close: () => listener.close(),
    });
  }

  /** Opens the doors to a port for a server of the host's own, which keeps its connections itself. */
  async serve(port: number, take: Take): Promise<number> {
    const taker = { take, opened: () => undefined, close: () => this.#unlisten(port) };
    return await this.#open({ address: '0.0.0.0', port }, taker);
  }

  async #open({ address, port }: Endpoint, taker: Taker): Promise<number> {
    if (this.#doors.has(port)) return Errno.ADDRINUSE;
    const isPrivate = isLoopback(address);
    const server = createServer({ allowHalfOpen: true, highWaterMark: SEND_AHEAD });
    this.#doors.set(port, { taker, isPrivate, server });
    const file = this.socketPath(port, isPrivate);
    // What a former run of this instance left.
    rmSync(file, { force: true });
    try {
      await listenOn(server, file);
    } catch (error) {
      this.#doors.delete(port);
      this.uplink.log(`cannot listen on port ${port}: ${(error as Error).message}`);
      return Errno.ADDRNOTAVAIL;
    }
    server.on('connection', (socket) => {
      readHello(socket, (peer, rest) => taker.take(socket, peer, rest));
    });
    taker.opened();
    this.uplink.listening(port, isPrivate, true);
    if (!isPrivate) for (const socket of this.#takeHeld(port)) this.#arrive(socket, port);
    else if (this.#published.some((door) => door.target === port)) {
      this.uplink.log(`port ${port} is published, but the program listens on ${address}, where only it can connect`);
    }
    return Errno.SUCCESS;
  }

  /** The unix socket behind a port. */
  socketPath(port: number, isPrivate: boolean): string {
    return path.join(this.#socketDir, isPrivate ? `lo-${port}` : String(port));
  }

  /** The unix socket through which the guest reaches itself; undefined when it does not listen there. */
  ownSocket(port: number): string | undefined {
    if (this.#served?.includes(port) === true) return this.socketPath(port, false);
    const door = this.#doors.get(port);
    return door === undefined ? undefined : this.socketPath(port, door.isPrivate);
  }

  /** No new connections from now on; those that exist go on. */
  stopListening(): void {
    this.#holdNoMore();
    for (const door of this.#published.splice(0)) door.close();
    for (const { taker } of this.#doors.values()) taker.close();
    this.datagrams.close();
    this.names.close();
  }

  /** How many clients wait for an answer of the guest. */
  get owed(): number {
    return this.#owed;
  }

  /** Connections whose last bytes are still on their way. */
  get sending(): number {
    let sending = 0;
    for (const connection of this.#connections) if (connection.isSending) sending++;
    return sending;
  }

  /** Ends the connections that are still there. */
  abandon(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Counts a connection as the guest's until its socket is closed. */
  keep(connection: Connection, socket: Socket): void {
    this.#connections.add(connection);
    this.traffic.keep(socket);
    socket.once('close', () => this.#connections.delete(connection));
  }

  #arrive(socket: Socket, port: number): void {
    const door = this.#doors.get(port);
    if (door !== undefined && !door.isPrivate) {
      door.taker.take(socket, { address: plain(socket.remoteAddress), port: socket.remotePort ?? 0 });
      return;
    }
    const held = this.#held.get(port) ?? [];
    if (this.#holdTimer === undefined || held.length >= HOLD_LIMIT) {
      socket.resetAndDestroy();
      return;
    }
    // A client that gives up while it is held; its end is seen when the guest reads.
    socket.on('error', () => socket.destroy());
    held.push(socket);
    this.#held.set(port, held);
  }

  #offer(listener: Listener, socket: Socket, peer: Endpoint, rest?: Uint8Array): void {
    const address = isAny(listener.local.address) ? this.address : listener.local.address;
    const connection = new Connection(this.waiters, { address, port: listener.local.port }, peer);
    connection.onOwes = (owes) => {
      this.#owed += owes ? 1 : -1;
      this.#onOwed(this.#owed);
    };
    this.keep(connection, connection.attach(socket, rest));
    listener.offer(connection);
  }

  #unlisten(port: number): void {
    const door = this.#doors.get(port);
    if (door === undefined) return;
    this.#doors.delete(port);
    door.server.close();
    this.uplink.listening(port, door.isPrivate, false);
  }

  #takeHeld(port: number): readonly Socket[] {
    const held = this.#held.get(port) ?? [];
    this.#held.delete(port);
    return held.filter((socket) => !socket.destroyed);
  }

  #holdNoMore(): void {
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
    for (const sockets of this.#held.values()) for (const socket of sockets) socket.resetAndDestroy();
    this.#held.clear();
  }
}

async function listenOn(server: Server, file: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ path: file }, resolve);
  await promise;
  server.off('error', reject);
}

/** IPv4 clients of a socket that takes both. */
function plain(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
