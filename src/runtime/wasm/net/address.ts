import { isIPv4 } from 'node:net';

import { Errno, failure } from '../wasi/errno.ts';
import { type Guest, mustHold } from '../wasi/guest.ts';

/** One end of a connection, as the guest sees it. */
export interface Endpoint {
  /** IPv4 in dots, or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** `__wasi_address_family_t` of WasmEdge. */
export const Family = { UNSPECIFIED: 0, INET4: 1, INET6: 2, UNIX: 3 } as const;

export const ANY: Endpoint = { address: '0.0.0.0', port: 0 };

/** A sockaddr_storage of WasmEdge's second form: | u16: family | address | */
const STORAGE_SIZE = 128;
const ADDRESS_SIZE = 8;

/**
 * The address at `pointer`: | u32: buffer | u32: length |, where the length tells the form: 4 is IPv4, 16 is IPv6 and
 * 128 a family with its address. An IPv4 address in an IPv6 one is the IPv4 address.
 */
export function readAddress(guest: Guest, pointer: number): string {
  const { buffer, length } = bufferAt(guest, pointer);
  const { bytes, view } = guest.memory;
  switch (length) {
    case 4:
      return ipv4(bytes.subarray(buffer, buffer + 4));
    case 16:
      return ipv6(bytes.subarray(buffer, buffer + 16));
    case STORAGE_SIZE: {
      const family = view.getUint16(buffer, true);
      if (family === Family.INET4) return ipv4(bytes.subarray(buffer + 2, buffer + 6));
      if (family === Family.INET6) return ipv6(bytes.subarray(buffer + 2, buffer + 18));
      throw failure(Errno.AFNOSUPPORT);
    }
    default:
      throw failure(Errno.INVAL);
  }
}

/** Writes an address in the form that the buffer has room for; the rest of the buffer is zero. */
export function writeAddress(guest: Guest, pointer: number, address: string): void {
  const { buffer, length } = bufferAt(guest, pointer);
  const at = isIPv4(address) ? parseIpv4(address) : parseIpv6(address);
  const { bytes, view } = guest.memory;
  const offset = length === STORAGE_SIZE ? 2 : 0;
  if (length < offset + at.length) throw failure(Errno.INVAL);
  bytes.fill(0, buffer, buffer + length);
  if (offset > 0) view.setUint16(buffer, familyOf(address), true);
  bytes.set(at, buffer + offset);
}

export function familyOf(address: string): number {
  return isIPv4(address) ? Family.INET4 : Family.INET6;
}

/** Reaches only the guest itself. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

export function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

export function parseIpv4(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

function bufferAt(guest: Guest, pointer: number): { readonly buffer: number; readonly length: number } {
  mustHold(guest, pointer, ADDRESS_SIZE);
  const { view } = guest.memory;
  const buffer = view.getUint32(pointer, true);
  const length = view.getUint32(pointer + 4, true);
  mustHold(guest, buffer, length);
  return { buffer, length };
}

function ipv4(bytes: Uint8Array): string {
  return bytes.join('.');
}

const MAPPED = '0,0,0,0,0,0,0,0,0,0,255,255';

/** Sixteen bytes; one that stands for an IPv4 address is that. */
export function ipv6(bytes: Uint8Array): string {
  if (bytes.subarray(0, 12).join() === MAPPED) return ipv4(bytes.subarray(12));
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  return text === '0:0:0:0:0:0:0:0' ? '::' : text === '0:0:0:0:0:0:0:1' ? '::1' : text;
}

export function parseIpv6(address: string): Uint8Array {
  const [head = '', tail] = address.split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return Uint8Array.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}
