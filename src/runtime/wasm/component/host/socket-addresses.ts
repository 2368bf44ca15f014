import { isIPv4 } from 'node:net';

import { type Endpoint, parseIpv4, parseIpv6 } from '../../net/address.ts';
import { Errno } from '../../wasi/errno.ts';

export type Family = 'ipv4' | 'ipv6';

export interface IpAddress {
  readonly tag: Family;
  readonly val: readonly number[];
}

export type SocketAddress =
  | { readonly tag: 'ipv4'; readonly val: { readonly port: number; readonly address: readonly number[] } }
  | {
      readonly tag: 'ipv6';
      readonly val: {
        readonly port: number;
        readonly flowInfo: number;
        readonly address: readonly number[];
        readonly scopeId: number;
      };
    };

/** An IPv4 address in an IPv6 one is the IPv4 address. */
export function toEndpoint({ tag, val }: SocketAddress): Endpoint {
  if (tag === 'ipv4') return { address: val.address.join('.'), port: val.port };
  const parts = val.address;
  const isMapped = parts.slice(0, 5).every((word) => word === 0) && parts[5] === 0xffff;
  const [high = 0, low = 0] = parts.slice(6);
  if (isMapped) return { address: [high >> 8, high & 255, low >> 8, low & 255].join('.'), port: val.port };
  const text = parts.map((word) => word.toString(16)).join(':');
  return { address: text === '0:0:0:0:0:0:0:0' ? '::' : text === '0:0:0:0:0:0:0:1' ? '::1' : text, port: val.port };
}

/** In the family of the socket: the network itself has IPv4 only. */
export function fromEndpoint({ address, port }: Endpoint, family: Family): SocketAddress {
  if (family === 'ipv4') return { tag: 'ipv4', val: { port, address: isIPv4(address) ? quad(address) : [0, 0, 0, 0] } };
  return { tag: 'ipv6', val: { port, flowInfo: 0, address: words(address), scopeId: 0 } };
}

export function toIpAddress(address: string): IpAddress {
  return isIPv4(address) ? { tag: 'ipv4', val: quad(address) } : { tag: 'ipv6', val: words(address) };
}

function quad(address: string): readonly number[] {
  return [...parseIpv4(address)];
}

function words(address: string): readonly number[] {
  if (isIPv4(address)) {
    const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(address);
    return [0, 0, 0, 0, 0, 0xffff, (a << 8) | b, (c << 8) | d];
  }
  const bytes = parseIpv6(address);
  return Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
}

/** `wasi:sockets/network#error-code` of an errno. */
export function socketError(errno: number): string {
  return ERRORS.get(errno) ?? 'unknown';
}

const ERRORS: ReadonlyMap<number, string> = new Map<number, string>([
  [Errno.ACCES, 'access-denied'],
  [Errno.PERM, 'access-denied'],
  [Errno.NOTSUP, 'not-supported'],
  [Errno.AFNOSUPPORT, 'not-supported'],
  [Errno.INVAL, 'invalid-argument'],
  [Errno.NOMEM, 'out-of-memory'],
  [Errno.TIMEDOUT, 'timeout'],
  [Errno.AGAIN, 'would-block'],
  [Errno.MFILE, 'new-socket-limit'],
  [Errno.ADDRNOTAVAIL, 'address-not-bindable'],
  [Errno.ADDRINUSE, 'address-in-use'],
  [Errno.HOSTUNREACH, 'remote-unreachable'],
  [Errno.NETUNREACH, 'remote-unreachable'],
  [Errno.CONNREFUSED, 'connection-refused'],
  [Errno.CONNRESET, 'connection-reset'],
  [Errno.PIPE, 'connection-reset'],
  [Errno.NOTCONN, 'invalid-state'],
  [Errno.CONNABORTED, 'connection-aborted'],
  [Errno.MSGSIZE, 'datagram-too-large'],
]);
