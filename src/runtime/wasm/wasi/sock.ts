import { type Descriptor, Fdflags, Filetype } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import { buffersAt, fdRead, fdWrite, report } from './fd.ts';
import { descriptorAt, type Guest, mustHold } from './guest.ts';
import type { GuestBuffers } from './guest-memory.ts';

/** A descriptor that also does what only sockets do. What is missing answers NOTSUP. */
export interface SocketDescriptor extends Descriptor {
  /** The next connection with these fdflags, or a negated errno. */
  accept?(fdflags: number): Descriptor | number | Promise<Descriptor | number>;
  /**
   * As `read`, but what it reads is read again by the next call. With `all` it waits until the buffers can be filled,
   * as far as that is possible: not beyond the end of the stream, nor beyond what the socket can hold unread, and not
   * when it is NONBLOCK.
   */
  peek?(into: GuestBuffers, all: boolean): number | Promise<number>;
  /** Of datagrams: what was read last was longer than the buffers. */
  readonly isTruncated?: boolean;
  /** `how`: 1 reading, 2 writing, 3 both. Returns an errno. */
  shutdown?(how: number): number;
}

export const SHUTDOWN_BOTH = 3;
/** `__wasi_riflags_t` */
const Riflags = { PEEK: 1, WAITALL: 2 } as const;
/** `__wasi_roflags_t` */
const TRUNCATED = 1;
const ALL_RIFLAGS = Riflags.PEEK | Riflags.WAITALL;

/**
 * `sock_accept(fd, flags: fdflags, result_fd: *fd) -> errno`: takes a connection; waits for one unless the listener is
 * NONBLOCK.
 *
 *     result_fd -> | u32 |
 *
 * BADF, NOTSOCK. INVAL: does not listen. AGAIN: NONBLOCK and nobody there. MFILE. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_accept
 */
export function sockAccept(guest: Guest, fd: number, flags: number, resultFd: number): number | Promise<number> {
  const listener = socketAt(guest, fd);
  if (listener.accept === undefined) return Errno.INVAL;
  mustHold(guest, resultFd, 4);
  const finish = (accepted: Descriptor | number): number => {
    if (typeof accepted === 'number') return -accepted;
    guest.memory.view.setUint32(resultFd, addOrClose(guest, accepted), true);
    return Errno.SUCCESS;
  };
  const accepted = listener.accept(flags);
  return accepted instanceof Promise ? accepted.then(finish) : finish(accepted);
}

/**
 * `sock_recv(fd, ri_data: *iovec, ri_data_len: size, ri_flags: riflags, ro_datalen: *size, ro_flags: *roflags) ->
 * errno`: as fd_read, for sockets.
 *
 *     ri_data -> | u32: buffer | u32: length | ... |    ro_datalen -> | u32 |    ro_flags -> | u16 |
 *
 * PEEK leaves what it reads. A datagram that is longer than the buffers is cut, and ro_flags says so. WAITALL waits until the buffers are full or the stream has ended; a NONBLOCK socket, and
 * one of datagrams, does not know it.
 * BADF, NOTSOCK, AGAIN, CONNRESET. NOTCONN: a listener. NOTSUP: PEEK of a socket that cannot. INVAL: other flags. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_recv
 */
export function sockRecv(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  nread: number,
  outFlags: number | undefined,
): number | Promise<number> {
  const socket = socketAt(guest, fd);
  if ((flags & ~ALL_RIFLAGS) !== 0) return Errno.INVAL;
  if (socket.read === undefined) return Errno.NOTCONN;
  if (outFlags !== undefined) {
    mustHold(guest, outFlags, 2);
    guest.memory.view.setUint16(outFlags, 0, true);
  }
  if (flags === 0 && socket.filetype === Filetype.SOCKET_STREAM) return fdRead(guest, fd, iovs, count, nread);
  const into = buffersAt(guest, iovs, count, nread);
  const canWait = socket.filetype === Filetype.SOCKET_STREAM && (socket.fdflags & Fdflags.NONBLOCK) === 0;
  const all = (flags & Riflags.WAITALL) !== 0 && canWait;
  const peeks = (flags & Riflags.PEEK) !== 0;
  if (peeks && socket.peek === undefined) return Errno.NOTSUP;
  const read = (peeks ? socket.peek?.(into, all) : all ? readAll(socket, into) : socket.read(into)) ?? 0;
  const finish = (n: number): number => {
    if (socket.isTruncated === true && outFlags !== undefined) {
      guest.memory.view.setUint16(outFlags, TRUNCATED, true);
    }
    return report(guest, nread, n);
  };
  return typeof read === 'number' ? finish(read) : read.then(finish);
}

/** Reads on until the buffers are full; an error counts when nothing came before it. */
async function readAll(socket: SocketDescriptor, into: GuestBuffers): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const n = (await socket.read?.(into.from(filled))) ?? -Errno.NOTCONN;
    if (n <= 0) return filled > 0 ? filled : n;
    filled += n;
  }
  return filled;
}

/**
 * `sock_send(fd, si_data: *ciovec, si_data_len: size, si_flags: siflags, so_datalen: *size) -> errno`: as fd_write,
 * for sockets.
 *
 *     si_data -> | u32: buffer | u32: length | ... |    so_datalen -> | u32 |
 *
 * BADF, NOTSOCK, AGAIN, PIPE, CONNRESET. INVAL: flags, of which there are none. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_send
 */
export function sockSend(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  nwritten: number,
): number | Promise<number> {
  socketAt(guest, fd);
  if (flags !== 0) return Errno.INVAL;
  return fdWrite(guest, fd, iovs, count, nwritten);
}

/**
 * `sock_shutdown(fd, how: sdflags) -> errno`: ends reading (1), writing (2) or both (3).
 *
 * BADF, NOTSOCK, NOTCONN. INVAL: none of the three.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_shutdown
 */
export function sockShutdown(guest: Guest, fd: number, how: number): number {
  const socket = socketAt(guest, fd);
  if (how === 0 || how > SHUTDOWN_BOTH) return Errno.INVAL;
  return socket.shutdown?.(how) ?? Errno.NOTSUP;
}

/** The open socket `fd`. BADF: not open. NOTSOCK: something else. */
export function socketAt(guest: Guest, fd: number): SocketDescriptor {
  const descriptor = descriptorAt(guest, fd);
  const { filetype } = descriptor;
  if (filetype !== Filetype.SOCKET_STREAM && filetype !== Filetype.SOCKET_DGRAM) throw failure(Errno.NOTSOCK);
  return descriptor;
}

function addOrClose(guest: Guest, descriptor: Descriptor): number {
  try {
    return guest.table.add(descriptor);
  } catch (error) {
    descriptor.close();
    throw error;
  }
}
