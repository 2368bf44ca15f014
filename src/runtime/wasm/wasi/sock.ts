import { type Descriptor, Filetype } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import { fdRead, fdWrite } from './fd.ts';
import { descriptorAt, type Guest, mustHold } from './guest.ts';

/** A descriptor that also does what only sockets do. What is missing answers NOTSUP. */
export interface SocketDescriptor extends Descriptor {
  /** The next connection with these fdflags, or a negated errno. */
  accept?(fdflags: number): Descriptor | number | Promise<Descriptor | number>;
  /** `how`: 1 reading, 2 writing, 3 both. Returns an errno. */
  shutdown?(how: number): number;
}

const SHUTDOWN_BOTH = 3;

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
 * BADF, NOTSOCK, AGAIN, CONNRESET. NOTSUP: PEEK or WAITALL. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_recv
 */
export function sockRecv(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  nread: number,
  outFlags: number,
): number | Promise<number> {
  socketAt(guest, fd);
  if (flags !== 0) return Errno.NOTSUP;
  guest.memory.view.setUint16(outFlags, 0, true);
  return fdRead(guest, fd, iovs, count, nread);
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
