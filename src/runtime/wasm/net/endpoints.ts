import { Errno } from '../wasi/errno.ts';
import { type Guest, mustHold } from '../wasi/guest.ts';
import { socketAt } from '../wasi/sock.ts';
import { type Endpoint, Family, familyOf, writeAddress } from './address.ts';
import { Connection } from './connection.ts';
import { DatagramSocket } from './datagram.ts';
import { FreshSocket } from './fresh-socket.ts';
import { Listener } from './listener.ts';

/**
 * `sock_getlocaladdr(fd, address: *address, port: *u32) -> errno`: where the socket is bound.
 *
 *     address -> | u32: buffer | u32: length |    buffer -> | address, in the form of the length |    port -> | u32 |
 *
 * INVAL: the buffer is too short. FAULT.
 */
export function getLocal(guest: Guest, fd: number, address: number, port: number): number {
  return write(guest, localOf(guest, fd), address, port);
}

/** The first form: it also tells the type of the address, as 4 or 6, which is what its guests look for. */
export function getLocalTyped(guest: Guest, fd: number, address: number, type: number, port: number): number {
  return writeTyped(guest, localOf(guest, fd), address, type, port);
}

/** `sock_getpeeraddr(fd, address: *address, port: *u32) -> errno`. NOTCONN: there is no peer. */
export function getPeer(guest: Guest, fd: number, address: number, port: number): number {
  const peer = peerOf(guest, fd);
  return peer === undefined ? Errno.NOTCONN : write(guest, peer, address, port);
}

/** The first form, see getLocalTyped. */
export function getPeerTyped(guest: Guest, fd: number, address: number, type: number, port: number): number {
  const peer = peerOf(guest, fd);
  return peer === undefined ? Errno.NOTCONN : writeTyped(guest, peer, address, type, port);
}

/** Where the socket is bound; port 0 of any address: nowhere. */
export function localOf(guest: Guest, fd: number): Endpoint {
  const socket = socketAt(guest, fd);
  const isKnown =
    socket instanceof Connection ||
    socket instanceof Listener ||
    socket instanceof FreshSocket ||
    socket instanceof DatagramSocket;
  return isKnown ? socket.local : { address: '0.0.0.0', port: 0 };
}

/** Also of a connection that has ended: servers ask right after accept and give up when there is no answer. */
export function peerOf(guest: Guest, fd: number): Endpoint | undefined {
  const socket = socketAt(guest, fd);
  return socket instanceof Connection || socket instanceof DatagramSocket ? socket.peer : undefined;
}

function write(guest: Guest, endpoint: Endpoint, address: number, port: number): number {
  mustHold(guest, port, 4);
  writeAddress(guest, address, endpoint.address);
  guest.memory.view.setUint32(port, endpoint.port, true);
  return Errno.SUCCESS;
}

function writeTyped(guest: Guest, endpoint: Endpoint, address: number, type: number, port: number): number {
  mustHold(guest, type, 4);
  const errno = write(guest, endpoint, address, port);
  guest.memory.view.setUint32(type, familyOf(endpoint.address) === Family.INET4 ? 4 : 6, true);
  return errno;
}
