import { Errno } from '../wasi/errno.ts';
import { fdRead, fdWrite } from '../wasi/fd.ts';
import { type Guest, mustHold } from '../wasi/guest.ts';
import { GuestBuffers } from '../wasi/guest-memory.ts';
import { socketAt } from '../wasi/sock.ts';
import { readAddress, writeAddress } from './address.ts';
import { Connection } from './connection.ts';
import { DatagramSocket } from './datagram.ts';

/** `__wasi_riflags_t` */
const RecvFlag = { PEEK: 1, WAITALL: 2 } as const;
const IOVEC_LIMIT = 1024;

/**
 * `sock_recv(fd, ri_data: *iovec, ri_data_len: size, ri_flags: riflags, ro_datalen: *size, ro_flags: *roflags) ->
 * errno`: as fd_read; PEEK leaves the bytes, WAITALL waits until the buffers are full or the peer has ended.
 *
 *     ri_data -> | u32: buffer | u32: length | ... |    ro_datalen -> | u32 |    ro_flags -> | u16 |
 *
 * BADF, NOTSOCK, NOTCONN, AGAIN, CONNRESET. NOTSUP: a flag on what is no connection. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_recv
 */
export function sockRecv(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  length: number,
  outFlags: number,
): number | Promise<number> {
  const socket = socketAt(guest, fd);
  guest.memory.view.setUint16(outFlags, 0, true);
  if (flags === 0) return fdRead(guest, fd, iovs, count, length);
  if (!(socket instanceof Connection)) return Errno.NOTSUP;
  if (count > IOVEC_LIMIT) return Errno.INVAL;
  mustHold(guest, length, 4);
  const into = new GuestBuffers(guest.memory, iovs, count);
  const result = (flags & RecvFlag.PEEK) !== 0 ? socket.peek(into) : socket.readAll(into);
  return typeof result === 'number' ? report(guest, length, result) : result.then((n) => report(guest, length, n));
}

export interface ReceiveFrom {
  readonly fd: number;
  readonly iovs: number;
  readonly count: number;
  readonly flags: number;
  readonly address: number;
  /** Undefined in the first form, which cannot tell the port. */
  readonly port: number | undefined;
  readonly length: number;
  readonly outFlags: number;
}

/**
 * `sock_recv_from(fd, iovs: *iovec, count: size, address: *address, flags: riflags, port: *u32, length: *size,
 * ro_flags: *u32) -> errno`: as sock_recv, and who sent it. The port is a plain number, as guests read it.
 */
export function sockRecvFrom(guest: Guest, call: ReceiveFrom): number | Promise<number> {
  const socket = socketAt(guest, call.fd);
  const finish = (errno: number): number => {
    if (errno !== Errno.SUCCESS) return errno;
    const sender =
      socket instanceof DatagramSocket ? socket.sender : socket instanceof Connection ? socket.peer : undefined;
    if (sender === undefined) return Errno.NOTCONN;
    writeAddress(guest, call.address, sender.address);
    if (call.port !== undefined) guest.memory.view.setUint32(call.port, sender.port, true);
    return Errno.SUCCESS;
  };
  const errno = sockRecv(guest, call.fd, call.iovs, call.count, call.flags, call.length, call.outFlags);
  return typeof errno === 'number' ? finish(errno) : errno.then(finish);
}

export interface SendTo {
  readonly fd: number;
  readonly iovs: number;
  readonly count: number;
  readonly address: number;
  readonly port: number;
  readonly length: number;
}

/**
 * `sock_send_to(fd, iovs: *ciovec, count: size, address: *address, port: u32, flags: siflags, length: *size) ->
 * errno`: sends a datagram; on a stream the address does not matter, as on Linux.
 */
export function sockSendTo(guest: Guest, call: SendTo): number | Promise<number> {
  const socket = socketAt(guest, call.fd);
  if (!(socket instanceof DatagramSocket)) return fdWrite(guest, call.fd, call.iovs, call.count, call.length);
  if (call.count > IOVEC_LIMIT) return Errno.INVAL;
  mustHold(guest, call.length, 4);
  const peer = { address: readAddress(guest, call.address), port: call.port };
  return report(guest, call.length, socket.sendTo(new GuestBuffers(guest.memory, call.iovs, call.count), peer));
}

function report(guest: Guest, pointer: number, result: number): number {
  if (result < 0) return -result;
  guest.memory.view.setUint32(pointer, result, true);
  return Errno.SUCCESS;
}
