import { isIPv4 } from 'node:net';

import { Errno } from '../wasi/errno.ts';
import { type Guest, mustHold, pathAt } from '../wasi/guest.ts';
import { Family, parseIpv4 } from './address.ts';
import type { Network } from './network.ts';
import { serviceNumber } from './service-names.ts';
import { SocketType } from './socket-calls.ts';
import { suspendUntil } from './suspend.ts';

/**
 *     addrinfo (28) -> | u16: flags | u8: family | u8: type | u8: protocol | @8 u32: addrlen | @12 u32: sockaddr |
 *                      | @16 u32: canonname | @20 u32: canonname length | @24 u32: next |
 *     sockaddr (12) -> | u8: family | @4 u32: data length | @8 u32: data |
 *     data (14)     -> | u16 big endian: port | address | 8 x 0 |
 */
const ADDRINFO_SIZE = 28;
const SOCKADDR_SIZE = 12;
const DATA_SIZE = 14;
const SOCKADDR_IN_SIZE = 16;
const PROTOCOL_TCP = 1;
const PROTOCOL_UDP = 2;
const PASSIVE = 1;
const NUMERIC_HOST = 4;

export interface AddrinfoCall {
  readonly node: number;
  readonly nodeLength: number;
  readonly service: number;
  readonly serviceLength: number;
  readonly hints: number;
  readonly result: number;
  readonly limit: number;
  readonly count: number;
}

/**
 * `sock_getaddrinfo(node: *u8, node_len: u32, service: *u8, service_len: u32, hints: *addrinfo, result: **addrinfo,
 * limit: u32, count: *u32) -> errno`: the address of a name. The guest has made a list of `limit` entries, with room
 * for their addresses, and one is filled in: there is a library whose rooms overlap. Always IPv4.
 *
 * AINONAME: no such name, or neither name nor service. AIFAMILY: only IPv6 will do. AIMEMORY: no entry. FAULT.
 */
export function sockGetaddrinfo(guest: Guest, network: Network, call: AddrinfoCall): number | Promise<number> {
  if (call.limit < 1) return Errno.AIMEMORY;
  mustHold(guest, call.count, 4);
  const node = textAt(guest, call.node, call.nodeLength);
  const service = textAt(guest, call.service, call.serviceLength);
  if (node === '' && service === '') return Errno.AINONAME;
  const hints = readHints(guest, call.hints);
  if (hints.family === Family.INET6) return Errno.AIFAMILY;
  const port = serviceNumber(service);
  const literal = literalAddress(node, hints.flags);
  if (literal !== undefined) return fill(guest, call, literal, port, hints.type);
  if ((hints.flags & NUMERIC_HOST) !== 0) return Errno.AINONAME;
  return suspendUntil(guest.waiters, network.uplink.resolve(node), (addresses) => {
    const address = addresses.find((one) => isIPv4(one));
    return address === undefined ? Errno.AINONAME : fill(guest, call, address, port, hints.type);
  });
}

/** What needs no resolver. */
export function literalAddress(node: string, flags: number): string | undefined {
  if (node === '') return (flags & PASSIVE) !== 0 ? '0.0.0.0' : '127.0.0.1';
  if (node === 'localhost' || node.endsWith('.localhost')) return '127.0.0.1';
  return isIPv4(node) ? node : undefined;
}

function fill(guest: Guest, call: AddrinfoCall, address: string, port: number, type: number): number {
  mustHold(guest, call.result, 4);
  mustHold(guest, call.count, 4);
  const { view, bytes } = guest.memory;
  const entry = view.getUint32(call.result, true);
  mustHold(guest, entry, ADDRINFO_SIZE);
  const sockaddr = view.getUint32(entry + 12, true);
  mustHold(guest, sockaddr, SOCKADDR_SIZE);
  const data = view.getUint32(sockaddr + 8, true);
  mustHold(guest, data, DATA_SIZE);
  view.setUint16(entry, 0, true);
  view.setUint8(entry + 2, Family.INET4);
  view.setUint8(entry + 3, type === SocketType.DGRAM ? SocketType.DGRAM : SocketType.STREAM);
  view.setUint8(entry + 4, type === SocketType.DGRAM ? PROTOCOL_UDP : PROTOCOL_TCP);
  view.setUint32(entry + 8, SOCKADDR_IN_SIZE, true);
  view.setUint32(entry + 20, 0, true);
  view.setUint8(sockaddr, Family.INET4);
  view.setUint32(sockaddr + 4, DATA_SIZE, true);
  bytes.fill(0, data, data + DATA_SIZE);
  view.setUint16(data, port, false);
  bytes.set(parseIpv4(address), data + 2);
  view.setUint32(call.count, 1, true);
  return Errno.SUCCESS;
}

function readHints(
  guest: Guest,
  pointer: number,
): { readonly flags: number; readonly family: number; readonly type: number } {
  if (pointer === 0) return { flags: 0, family: Family.UNSPECIFIED, type: SocketType.ANY };
  mustHold(guest, pointer, ADDRINFO_SIZE);
  const { view } = guest.memory;
  return { flags: view.getUint16(pointer, true), family: view.getUint8(pointer + 2), type: view.getUint8(pointer + 3) };
}

/** Some pass the length with the NUL, some without. */
function textAt(guest: Guest, pointer: number, length: number): string {
  if (length === 0) return '';
  mustHold(guest, pointer, length);
  const withNul = guest.memory.bytes[pointer + length - 1] === 0;
  return withNul && length === 1 ? '' : pathAt(guest, pointer, withNul ? length - 1 : length);
}
