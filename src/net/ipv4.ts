import { isIPv6, SocketAddress } from 'node:net';

/** An IPv4 address as a number, or undefined. Only the dotted form of four decimal numbers without leading zeros. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** An IPv4 address behind any spelling of it as IPv6 (`::ffff:7f00:1`); undefined when it is not IPv4 at all. */
export function parseMappedIpv4(text: string): number | undefined {
  const plain = parseIpv4(text);
  if (plain !== undefined || !isIPv6(text)) return plain;
  const spelled = canonicalIpv6(text);
  return spelled.startsWith('::ffff:') ? parseIpv4(spelled.slice('::ffff:'.length)) : undefined;
}

/** The one spelling of an IPv6 address, without zone. */
export function canonicalIpv6(text: string): string {
  const [address = ''] = text.split('%');
  return new SocketAddress({ family: 'ipv6', address }).address;
}

export interface Subnet {
  readonly base: number;
  readonly bits: number;
}

/** `172.18.0.0/16`; undefined when it is no IPv4 subnet. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const base = parseIpv4(address);
  if (base === undefined || Number(length) > 32) return undefined;
  const bits = Number(length);
  return { base: mask(base, bits), bits };
}

export function inSubnet(address: number, subnet: Subnet): boolean {
  return mask(address, subnet.bits) === subnet.base;
}

function mask(address: number, bits: number): number {
  return bits === 0 ? 0 : (address & (-1 << (32 - bits))) >>> 0;
}
