/**
 * Socket functions of WAMR (wasm-micro-runtime), which have names of WasmEdge with other parameters. A socket is the
 * same; only families, types and addresses are written otherwise.
 *
 *     addr (24)      -> | u32: 0 IPv4, 1 IPv6 | IPv4: 4 bytes, @8 u16 port | IPv6: 8 x u16 @4, @20 u16 port |
 *     addr_info (28) -> | addr | u32: type |      hints -> | u32: type | u32: family | u8: are they meant |
 *
 * Ports and the groups of IPv6 are little endian. Families: 0 IPv4, 1 IPv6. Types: 0 datagram, 1 stream.
 * https://github.com/bytecodealliance/wasm-micro-runtime/blob/main/core/iwasm/libraries/lib-socket/inc/wasi_socket_ext.h
 */
import { isIPv4 } from 'node:net';

import { Errno } from '../wasi/errno.ts';
import { type Guest, mustHold, pathAt } from '../wasi/guest.ts';
import { socketAt } from '../wasi/sock.ts';
import { type Endpoint, Family, ipv6, parseIpv4, parseIpv6 } from './address.ts';
import { literalAddress } from './addrinfo.ts';
import { Connection, SEND_AHEAD } from './connection.ts';
import { localOf, peerOf } from './endpoints.ts';
import type { Network } from './network.ts';
import { serviceNumber } from './service-names.ts';
import { bindTo, connectSocket, sockOpen, SocketType } from './socket-calls.ts';
import { suspendUntil } from './suspend.ts';
import { receiveFrom, sendTo } from './transfer.ts';

const ADDR_SIZE = 24;
const ADDR_INFO_SIZE = 28;
const Kind = { IPV4: 0, IPV6: 1 } as const;
const WamrType = { DGRAM: 0, STREAM: 1 } as const;

/** `sock_open(pool: fd, family: u32, type: u32, fd: *fd) -> errno`. The pool says what WAMR allows; here it is nothing. */
export function wamrOpen(
  guest: Guest,
  network: Network,
  _pool: number,
  family: number,
  type: number,
  fd: number,
): number {
  if (family > Kind.IPV6 || type > WamrType.STREAM) return Errno.INVAL;
  const ours = type === WamrType.DGRAM ? SocketType.DGRAM : SocketType.STREAM;
  return sockOpen(guest, network, family === Kind.IPV6 ? Family.INET6 : Family.INET4, ours, fd);
}

/** `sock_bind(fd, address: *addr) -> errno` */
export function wamrBind(guest: Guest, network: Network, fd: number, address: number): number | Promise<number> {
  return bindTo(guest, network, fd, readAddr(guest, address));
}

/** `sock_connect(fd, address: *addr) -> errno` */
export function wamrConnect(guest: Guest, network: Network, fd: number, address: number): number | Promise<number> {
  return connectSocket(guest, network, fd, readAddr(guest, address));
}

/** `sock_addr_local(fd, address: *addr) -> errno` */
export function wamrLocal(guest: Guest, _network: Network, fd: number, address: number): number {
  return writeAddr(guest, address, localOf(guest, fd));
}

/** `sock_addr_remote(fd, address: *addr) -> errno`. NOTCONN: there is no peer. */
export function wamrRemote(guest: Guest, _network: Network, fd: number, address: number): number {
  const peer = peerOf(guest, fd);
  return peer === undefined ? Errno.NOTCONN : writeAddr(guest, address, peer);
}

/** `sock_recv_from(fd, iovs: *iovec, count: size, flags: riflags, address: *addr, length: *size) -> errno` */
export function wamrRecvFrom(
  guest: Guest,
  _network: Network,
  ...[fd, iovs, count, flags, address, length]: SixNumbers
): number | Promise<number> {
  return receiveFrom(guest, { fd, iovs, count, flags, length, outFlags: undefined }, (sender) =>
    writeAddr(guest, address, sender),
  );
}

/** `sock_send_to(fd, iovs: *ciovec, count: size, flags: siflags, address: *addr, length: *size) -> errno` */
export function wamrSendTo(
  guest: Guest,
  _network: Network,
  ...[fd, iovs, count, _flags, address, length]: SixNumbers
): number | Promise<number> {
  return sendTo(guest, { fd, iovs, count, length }, readAddr(guest, address));
}

/**
 * `sock_addr_resolve(host: *char, service: *char, hints: *hints, infos: *addr_info, room: u32, count: *u32) -> errno`:
 * IPv4 addresses of a name, as many as there is room for; `count` says how many there are.
 */
export function wamrResolve(
  guest: Guest,
  network: Network,
  ...[host, service, hints, infos, room, count]: SixNumbers
): number | Promise<number> {
  mustHold(guest, infos, room * ADDR_INFO_SIZE);
  mustHold(guest, count, 4);
  const name = textAt(guest, host);
  const port = serviceNumber(textAt(guest, service));
  const { type, family } = readHints(guest, hints);
  const fill = (addresses: readonly string[]): number => {
    const found = family === Kind.IPV6 ? [] : addresses.filter((one) => isIPv4(one));
    if (found.length === 0) return Errno.NOENT;
    for (const [i, address] of found.slice(0, room).entries()) {
      const at = infos + i * ADDR_INFO_SIZE;
      writeAddr(guest, at, { address, port });
      guest.memory.view.setUint32(at + ADDR_SIZE, type ?? WamrType.STREAM, true);
    }
    guest.memory.view.setUint32(count, found.length, true);
    return Errno.SUCCESS;
  };
  const literal = literalAddress(name, 0);
  if (literal !== undefined) return fill([literal]);
  return suspendUntil(guest.waiters, network.uplink.resolve(name), fill);
}

/**
 * `sock_set_linger(fd, linger: *linger) -> errno`: without time, closing is a reset.
 *
 *     linger -> | u8: on | u32: seconds |
 */
export function wamrSetLinger(guest: Guest, _network: Network, fd: number, linger: number): number {
  const socket = socketAt(guest, fd);
  mustHold(guest, linger, 8);
  const { view } = guest.memory;
  if (socket instanceof Connection) {
    socket.resetOnClose = view.getUint8(linger) !== 0 && view.getUint32(linger + 4, true) === 0;
  }
  return Errno.SUCCESS;
}

/** An option that only tunes the system's own sockets. */
export function wamrAccepted(guest: Guest, _network: Network, fd: number): number {
  socketAt(guest, fd);
  return Errno.SUCCESS;
}

/** `sock_get_reuse_addr(fd, value: *u8) -> errno` */
export function wamrReuse(guest: Guest, _network: Network, fd: number, value: number): number {
  socketAt(guest, fd);
  mustHold(guest, value, 1);
  guest.memory.view.setUint8(value, 1);
  return Errno.SUCCESS;
}

/** `sock_get_recv_buf_size(fd, value: *u32) -> errno` */
export function wamrBufferSize(guest: Guest, _network: Network, fd: number, value: number): number {
  socketAt(guest, fd);
  mustHold(guest, value, 4);
  guest.memory.view.setUint32(value, SEND_AHEAD, true);
  return Errno.SUCCESS;
}

type SixNumbers = readonly [number, number, number, number, number, number];

function readAddr(guest: Guest, pointer: number): Endpoint {
  mustHold(guest, pointer, ADDR_SIZE);
  const { view, bytes } = guest.memory;
  if (view.getUint32(pointer, true) === Kind.IPV4) {
    return { address: bytes.subarray(pointer + 4, pointer + 8).join('.'), port: view.getUint16(pointer + 8, true) };
  }
  const groups = Uint8Array.from({ length: 16 }, (_, i) => bytes[pointer + 4 + (i ^ 1)] ?? 0);
  return { address: ipv6(groups), port: view.getUint16(pointer + 20, true) };
}

function writeAddr(guest: Guest, pointer: number, { address, port }: Endpoint): number {
  mustHold(guest, pointer, ADDR_SIZE);
  const { view, bytes } = guest.memory;
  bytes.fill(0, pointer, pointer + ADDR_SIZE);
  const isV4 = isIPv4(address);
  view.setUint32(pointer, isV4 ? Kind.IPV4 : Kind.IPV6, true);
  if (isV4) bytes.set(parseIpv4(address), pointer + 4);
  else for (const [i, byte] of parseIpv6(address).entries()) bytes[pointer + 4 + (i ^ 1)] = byte;
  view.setUint16(pointer + (isV4 ? 8 : 20), port, true);
  return Errno.SUCCESS;
}

function readHints(guest: Guest, pointer: number): { readonly type?: number; readonly family?: number } {
  if (pointer === 0) return {};
  mustHold(guest, pointer, 9);
  const { view } = guest.memory;
  if (view.getUint8(pointer + 8) === 0) return {};
  return { type: view.getUint32(pointer, true), family: view.getUint32(pointer + 4, true) };
}

/** A text that ends with a NUL. */
function textAt(guest: Guest, pointer: number): string {
  mustHold(guest, pointer, 1);
  const length = guest.memory.bytes.indexOf(0, pointer) - pointer;
  return length > 0 ? pathAt(guest, pointer, length) : '';
}
