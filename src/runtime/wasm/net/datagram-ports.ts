import { createSocket, type Socket } from 'node:dgram';

import type { PublishedListener } from '../../../net/fabric.ts';
import { Errno } from '../wasi/errno.ts';
import { type Endpoint, isLoopback } from './address.ts';
import type { DatagramSocket } from './datagram.ts';

/** Clients of a published port that can be answered; the one that has sent nothing for longest is forgotten. */
const CLIENTS_LIMIT = 4096;
const FIRST_EPHEMERAL = 32_768;
const LAST_PORT = 65_535;

interface PublishedPort {
  readonly socket: Socket;
  readonly target: number;
  /** As the guest sees them -> as the host's socket does; in the order of their last datagrams. */
  readonly clients: Map<string, Endpoint>;
}

/** The UDP ports of one guest, and those of the host that lead to them. */
export class DatagramPorts {
  readonly #sockets = new Map<number, DatagramSocket>();
  readonly #published: PublishedPort[] = [];
  #lastEphemeral = FIRST_EPHEMERAL;

  /** Returns an errno. ADDRINUSE: another socket of the guest has the port. */
  add(socket: DatagramSocket, port: number): number {
    if (this.#sockets.has(port)) return Errno.ADDRINUSE;
    this.#sockets.set(port, socket);
    return Errno.SUCCESS;
  }

  remove(socket: DatagramSocket): void {
    if (this.#sockets.get(socket.local.port) === socket) this.#sockets.delete(socket.local.port);
  }

  at(port: number): DatagramSocket | undefined {
    return this.#sockets.get(port);
  }

  ephemeralPort(): number {
    do {
      this.#lastEphemeral = this.#lastEphemeral >= LAST_PORT ? FIRST_EPHEMERAL : this.#lastEphemeral + 1;
    } while (this.#sockets.has(this.#lastEphemeral));
    return this.#lastEphemeral;
  }

  /** Binds a port of the host; what comes there is the guest's, when it has the target port. Rejects as the system says. */
  async publish(wanted: PublishedListener): Promise<PublishedListener> {
    const socket = await bindHost(wanted);
    const port: PublishedPort = { socket, target: wanted.target, clients: new Map() };
    this.#published.push(port);
    socket.on('message', (bytes, { address, port: from }) => this.#arrive(port, bytes, { address, port: from }));
    // An answer that could not be delivered: who sends datagrams does not count on it.
    socket.on('error', () => undefined);
    return { ...wanted, published: socket.address().port };
  }

  /** Whether this is somebody who has sent to the port from outside. */
  isClient(target: number, peer: Endpoint): boolean {
    return this.#published.some((port) => port.target === target && port.clients.has(keyOf(peer)));
  }

  /** Sends to a client of a published port by the way it came. False: it is none. */
  answer(target: number, bytes: Uint8Array, peer: Endpoint): boolean {
    for (const { socket, clients, target: own } of this.#published) {
      const client = own === target ? clients.get(keyOf(peer)) : undefined;
      if (client === undefined) continue;
      socket.send(bytes, client.port, client.address);
      return true;
    }
    return false;
  }

  /** The host's ports are free again. */
  close(): void {
    for (const { socket } of this.#published.splice(0)) socket.close();
  }

  #arrive({ target, clients }: PublishedPort, bytes: Uint8Array, sender: Endpoint): void {
    const socket = this.#sockets.get(target);
    if (socket === undefined || isLoopback(socket.local.address)) return;
    const from = { address: plain(sender.address), port: sender.port };
    const key = keyOf(from);
    clients.delete(key);
    clients.set(key, sender);
    const [oldest] = clients;
    if (clients.size > CLIENTS_LIMIT && oldest !== undefined) clients.delete(oldest[0]);
    socket.receive({ bytes, from });
  }
}

async function bindHost({ hostIp, published }: PublishedListener): Promise<Socket> {
  if (hostIp !== '') return await bind(hostIp.includes(':') ? 'udp6' : 'udp4', published, hostIp);
  try {
    return await bind('udp6', published, '::');
  } catch (error) {
    // A machine without IPv6: all interfaces are those of IPv4 then.
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
    return await bind('udp4', published, '0.0.0.0');
  }
}

async function bind(type: 'udp4' | 'udp6', port: number, address: string): Promise<Socket> {
  const socket = createSocket(type);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind(port, address, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.off('error', reject);
  return socket;
}

function keyOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}

/** IPv4 clients of a socket that takes both. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
