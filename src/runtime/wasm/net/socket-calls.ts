import { Fdflags } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import { descriptorAt, type Guest, mustHold } from '../wasi/guest.ts';
import { socketAt } from '../wasi/sock.ts';
import { ANY, type Endpoint, Family, familyOf, readAddress } from './address.ts';
import { connectTo } from './connect.ts';
import { Connection } from './connection.ts';
import { DatagramSocket } from './datagram.ts';
import { FreshSocket } from './fresh-socket.ts';
import { Listener } from './listener.ts';
import type { Network } from './network.ts';
import { suspendUntil } from './suspend.ts';

/** `__wasi_sock_type_t` of WasmEdge. */
export const SocketType = { ANY: 0, DGRAM: 1, STREAM: 2 } as const;

const LAST_PORT = 65_535;

/**
 * `sock_open(family: u8, type: u8, fd: *fd) -> errno`: a new socket, which blocks until it is told not to.
 *
 *     fd -> | u32 |
 *
 * AFNOSUPPORT: neither IPv4 nor IPv6. NOTSUP: neither stream nor datagram. MFILE. FAULT.
 */
export function sockOpen(guest: Guest, network: Network, family: number, type: number, fd: number): number {
  mustHold(guest, fd, 4);
  if (family !== Family.INET4 && family !== Family.INET6 && family !== Family.UNSPECIFIED) return Errno.AFNOSUPPORT;
  const local = family === Family.INET6 ? { address: '::', port: 0 } : ANY;
  switch (type) {
    case SocketType.ANY:
    case SocketType.STREAM:
      guest.memory.view.setUint32(fd, guest.table.add(new FreshSocket(local)), true);
      return Errno.SUCCESS;
    case SocketType.DGRAM:
      guest.memory.view.setUint32(fd, guest.table.add(new DatagramSocket(network, local)), true);
      return Errno.SUCCESS;
    default:
      return Errno.NOTSUP;
  }
}

/**
 * `sock_bind(fd, address: *address, port: u32) -> errno`: port 0 gives any free one, at once.
 *
 *     address -> | u32: buffer | u32: length |
 *
 * INVAL: bound already, or no such address form. ADDRINUSE: the guest listens there. ADDRNOTAVAIL: not its address.
 */
export function sockBind(
  guest: Guest,
  network: Network,
  fd: number,
  address: number,
  port: number,
): number | Promise<number> {
  return bindTo(guest, network, fd, { address: readAddress(guest, address), port });
}

/** The same, with the address as it was read. */
export function bindTo(guest: Guest, network: Network, fd: number, local: Endpoint): number | Promise<number> {
  const socket = socketAt(guest, fd);
  const { address: host, port } = local;
  if (port > LAST_PORT) return Errno.INVAL;
  if (!network.isOwn(host)) return Errno.ADDRNOTAVAIL;
  if (!(socket instanceof FreshSocket || socket instanceof DatagramSocket) || socket.local.port !== 0) {
    return Errno.INVAL;
  }
  if (socket instanceof DatagramSocket) {
    const wanted = { address: host, port: port === 0 ? network.datagrams.ephemeralPort() : port };
    return suspendUntil(guest.waiters, socket.bind(wanted), (errno) => errno);
  }
  if (network.isTaken(port)) return Errno.ADDRINUSE;
  socket.local = { address: host, port: port === 0 ? network.ephemeralPort() : port };
  return Errno.SUCCESS;
}

/**
 * `sock_listen(fd, backlog: u32) -> errno`: from now on others can connect. A socket that is not bound gets any port.
 *
 * INVAL: connected. ADDRINUSE: another socket of the guest listens there.
 */
export function sockListen(guest: Guest, network: Network, fd: number): number | Promise<number> {
  const socket = socketAt(guest, fd);
  if (socket instanceof Listener) return Errno.SUCCESS;
  if (!(socket instanceof FreshSocket)) return Errno.INVAL;
  const { local } = socket;
  const bound = local.port === 0 ? { ...local, port: network.ephemeralPort() } : local;
  const listener = new Listener(guest.waiters, bound, socket.fdflags);
  return suspendUntil(guest.waiters, network.listen(listener), (errno) => {
    if (errno === Errno.SUCCESS) guest.table.set(fd, listener);
    return errno;
  });
}

/**
 * `sock_connect(fd, address: *address, port: u32) -> errno`: connects; waits unless the socket is NONBLOCK.
 *
 * INPROGRESS: NONBLOCK, it will be writable when it is connected or has failed, which SO_ERROR then tells.
 * ALREADY, ISCONN. CONNREFUSED, HOSTUNREACH, NETUNREACH, TIMEDOUT. ACCES: the project's networks do not allow it.
 */
export function sockConnect(
  guest: Guest,
  network: Network,
  fd: number,
  address: number,
  port: number,
): number | Promise<number> {
  return connectSocket(guest, network, fd, { address: readAddress(guest, address), port });
}

/** The same, with the address as it was read. */
export function connectSocket(guest: Guest, network: Network, fd: number, peer: Endpoint): number | Promise<number> {
  const socket = descriptorAt(guest, fd);
  const { port } = peer;
  if (port === 0 || port > LAST_PORT) return Errno.CONNREFUSED;
  if (socket instanceof DatagramSocket) return socket.connect(peer);
  if (socket instanceof Connection && (socket.isConnecting || socket.isOpen)) {
    return socket.isOpen ? Errno.ISCONN : Errno.ALREADY;
  }
  if (!(socket instanceof FreshSocket || socket instanceof Connection)) return Errno.INVAL;
  if (familyOf(socket.local.address) === Family.INET4 && familyOf(peer.address) === Family.INET6) {
    return Errno.AFNOSUPPORT;
  }
  const connection = connectTo(network, peer, socket.fdflags);
  guest.table.set(fd, connection);
  if ((socket.fdflags & Fdflags.NONBLOCK) !== 0) return Errno.INPROGRESS;
  return connection.connected();
}
