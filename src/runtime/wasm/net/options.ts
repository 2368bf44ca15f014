import { Filetype } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import { type Guest, mustHold } from '../wasi/guest.ts';
import { socketAt } from '../wasi/sock.ts';
import { Connection, SEND_AHEAD } from './connection.ts';
import { DatagramSocket } from './datagram.ts';
import { Listener } from './listener.ts';
import { SocketType } from './socket-calls.ts';

/** `__wasi_sock_opt_so_t` of WasmEdge. */
const Option = {
  REUSEADDR: 0,
  TYPE: 1,
  ERROR: 2,
  DONTROUTE: 3,
  BROADCAST: 4,
  SNDBUF: 5,
  RCVBUF: 6,
  KEEPALIVE: 7,
  OOBINLINE: 8,
  LINGER: 9,
  RCVLOWAT: 10,
  RCVTIMEO: 11,
  SNDTIMEO: 12,
  ACCEPTCONN: 13,
} as const;

/** The level that WasmEdge names, and the one that wasi-libc has. */
const SOCKET_LEVELS: ReadonlySet<number> = new Set([0, 0x7fff_ffff]);
/** Below it a size is meant, and no pointer to one: there is a library that passes the number itself. */
const LOWEST_POINTER = 16;
/** Above it a pointer to a size is meant, or a pointer by mistake: options are short. */
const LONGEST_OPTION = 128;

/**
 * `sock_getsockopt(fd, level: u32, name: u32, value: *u8, size: *u32) -> errno`
 *
 *     size -> | u32 |, how much room there is, then how much was written    value -> | u32 |
 *
 * SO_ERROR is an errno of WASI and is none afterwards. NOPROTOOPT: an option nobody needs. BADF, NOTSOCK, FAULT.
 */
export function sockGetsockopt(
  guest: Guest,
  fd: number,
  level: number,
  name: number,
  value: number,
  size: number,
): number {
  const socket = socketAt(guest, fd);
  if (!SOCKET_LEVELS.has(level)) return Errno.NOPROTOOPT;
  const { view } = guest.memory;
  const hasPointer = size >= LOWEST_POINTER;
  const room = hasPointer ? view.getUint32(size, true) : size;
  if (room < 4) return Errno.INVAL;
  mustHold(guest, value, 4);
  const answer = read(socket, name);
  if (answer === undefined) return Errno.NOPROTOOPT;
  view.setUint32(value, answer, true);
  if (hasPointer) view.setUint32(size, 4, true);
  return Errno.SUCCESS;
}

function read(socket: ReturnType<typeof socketAt>, name: number): number | undefined {
  switch (name) {
    case Option.TYPE:
      return socket.filetype === Filetype.SOCKET_DGRAM ? SocketType.DGRAM : SocketType.STREAM;
    case Option.ERROR:
      return takeError(socket);
    case Option.ACCEPTCONN:
      return socket instanceof Listener ? 1 : 0;
    case Option.SNDBUF:
    case Option.RCVBUF:
      return SEND_AHEAD;
    case Option.REUSEADDR:
      return 1;
    case Option.DONTROUTE:
    case Option.BROADCAST:
    case Option.KEEPALIVE:
    case Option.OOBINLINE:
    case Option.RCVLOWAT:
      return 0;
    default:
      return undefined;
  }
}

function takeError(socket: ReturnType<typeof socketAt>): number {
  return socket instanceof Connection || socket instanceof DatagramSocket ? socket.takeError() : 0;
}

/**
 * `sock_setsockopt(fd, level: u32, name: u32, value: *u8, size: u32) -> errno`
 *
 * SO_LINGER without time makes closing a reset. What only tunes the system's own sockets is accepted and ignored. NOTSUP: time-outs of reads and writes. NOPROTOOPT: unknown. BADF, NOTSOCK, FAULT.
 */
export function sockSetsockopt(
  guest: Guest,
  fd: number,
  level: number,
  name: number,
  value: number,
  size: number,
): number {
  const socket = socketAt(guest, fd);
  if (!SOCKET_LEVELS.has(level)) return Errno.SUCCESS;
  mustHold(guest, value, size > LONGEST_OPTION ? 4 : size);
  if (IGNORED.has(name)) return Errno.SUCCESS;
  if (name === Option.RCVTIMEO || name === Option.SNDTIMEO) return Errno.NOTSUP;
  if (name !== Option.LINGER) return Errno.NOPROTOOPT;
  if (size < LINGER_SIZE || size > LONGEST_OPTION) return Errno.INVAL;
  const { view } = guest.memory;
  const isOn = view.getUint32(value, true) !== 0;
  if (socket instanceof Connection) socket.resetOnClose = isOn && view.getUint32(value + 4, true) === 0;
  return Errno.SUCCESS;
}

/** They only tune the system's own sockets. */
const IGNORED: ReadonlySet<number> = new Set([
  Option.REUSEADDR,
  Option.DONTROUTE,
  Option.BROADCAST,
  Option.SNDBUF,
  Option.RCVBUF,
  Option.KEEPALIVE,
  Option.OOBINLINE,
  Option.RCVLOWAT,
]);

/** | u32: on | u32: seconds | */
const LINGER_SIZE = 8;
