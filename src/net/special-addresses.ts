import { canonicalIpv6, inSubnet, parseSubnet } from './ipv4.ts';
import type { Subnet } from './ipv4.ts';

/** What an address is that no service may connect to, whatever its networks allow; undefined for all others. */
export function forbiddenIpv4(address: number): string | undefined {
  return FORBIDDEN.find((one) => inSubnet(address, one.range))?.what;
}

export function isLoopback(address: number): boolean {
  return inSubnet(address, LOOPBACK);
}

/** What an IPv6 address is; only for messages, as none of them is reachable. */
export function describeIpv6(text: string): string {
  const address = canonicalIpv6(text);
  if (address === '::1') return "the host's loopback";
  if (address === '::') return 'no address of a peer';
  if (address === 'fd00:ec2::254') return 'a metadata service';
  if (/^fe[89ab]/.test(address)) return 'link-local';
  if (address.startsWith('ff')) return 'multicast';
  return 'IPv6, which the networks of Wasm services do not carry';
}

function range(text: string): Subnet {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new RangeError(text);
  return parsed;
}

const LOOPBACK = range('127.0.0.0/8');

const FORBIDDEN: readonly { readonly range: Subnet; readonly what: string }[] = [
  { range: range('0.0.0.0/8'), what: 'no address of a peer' },
  { range: range('169.254.0.0/16'), what: 'link-local, where metadata services are' },
  // Alibaba Cloud's metadata service, the only one of the large clouds outside of link-local.
  { range: range('100.100.100.200/32'), what: 'a metadata service' },
  { range: range('224.0.0.0/4'), what: 'multicast' },
  { range: range('240.0.0.0/4'), what: 'reserved or broadcast' },
];
