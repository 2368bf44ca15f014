import { Errno } from '../wasi/errno.ts';
import { buffersAt, fdWrite, report } from '../wasi/fd.ts';
import type { Guest } from '../wasi/guest.ts';
import { socketAt, sockRecv } from '../wasi/sock.ts';
import { type Endpoint, readAddress, writeAddress } from './address.ts';
import { Connection } from './connection.ts';
import { DatagramSocket } from './datagram.ts';

interface Receive {
  readonly fd: number;
  readonly iovs: number;
  readonly count: number;
  readonly flags: number;
  readonly length: number;
  /** Undefined in forms that have none. */
  readonly outFlags: number | undefined;
}

export interface ReceiveFrom extends Receive {
  readonly address: number;
  /** Undefined in the first form, which cannot tell the port. */
  readonly port: number | undefined;
}

/**
 * `sock_recv_from(fd, iovs: *iovec, count: size, address: *address, flags: riflags, port: *u32, length: *size,
 * ro_flags: *u32) -> errno`: as sock_recv, and who sent it. The port is a plain number, as guests read it.
 */
export function sockRecvFrom(guest: Guest, call: ReceiveFrom): number | Promise<number> {
  return receiveFrom(guest, call, (sender) => {
    writeAddress(guest, call.address, sender.address);
    if (call.port !== undefined) guest.memory.view.setUint32(call.port, sender.port, true);
    return Errno.SUCCESS;
  });
}

/** The same for any form of an address: `tell` writes it and returns an errno. */
export function receiveFrom(guest: Guest, call: Receive, tell: (sender: Endpoint) => number): number | Promise<number> {
  const socket = socketAt(guest, call.fd);
  const finish = (errno: number): number => {
    if (errno !== Errno.SUCCESS) return errno;
    const sender =
      socket instanceof DatagramSocket ? socket.sender : socket instanceof Connection ? socket.peer : undefined;
    return sender === undefined ? Errno.NOTCONN : tell(sender);
  };
  const errno = sockRecv(guest, call.fd, call.iovs, call.count, call.flags, call.length, call.outFlags);
  return typeof errno === 'number' ? finish(errno) : errno.then(finish);
}

export interface SendTo extends Send {
  readonly address: number;
  readonly port: number;
}

interface Send {
  readonly fd: number;
  readonly iovs: number;
  readonly count: number;
  readonly length: number;
}

/**
 * `sock_send_to(fd, iovs: *ciovec, count: size, address: *address, port: u32, flags: siflags, length: *size) ->
 * errno`: sends a datagram; on a stream the address does not matter, as on Linux.
 */
export function sockSendTo(guest: Guest, call: SendTo): number | Promise<number> {
  return sendTo(guest, call, { address: readAddress(guest, call.address), port: call.port });
}

/** The same, with the address as it was read. */
export function sendTo(guest: Guest, call: Send, peer: Endpoint): number | Promise<number> {
  const socket = socketAt(guest, call.fd);
  if (!(socket instanceof DatagramSocket)) return fdWrite(guest, call.fd, call.iovs, call.count, call.length);
  const from = buffersAt(guest, call.iovs, call.count, call.length);
  const sent = socket.sendTo(from, peer);
  return typeof sent === 'number' ? report(guest, call.length, sent) : sent.then((n) => report(guest, call.length, n));
}
