import { normalName } from './name-table.ts';
import { inSubnet, parseIpv4, parseSubnet } from './ipv4.ts';

/**
 * Do the `outbound` rules of a service allow this? Rules are `host:port`, `host:*` or `host`, where a host is a name,
 * `*.example.com` (what is below it), an IPv4 address or a subnet. A name allows the addresses the service got for it.
 */
export function outboundAllows(
  rules: readonly string[] | undefined,
  to: { readonly address: string; readonly port: number; readonly names: readonly string[] },
): boolean {
  if (rules === undefined) return true;
  return rules.map(parseRule).some((rule) => {
    if (rule.port !== undefined && rule.port !== to.port) return false;
    return matchesAddress(rule.host, to.address) || to.names.some((name) => matchesName(rule.host, name));
  });
}

/** May the service ask for the addresses of this name? Only names that some rule allows: a look-up tells secrets too. */
export function outboundNames(rules: readonly string[] | undefined, name: string): boolean {
  return rules === undefined || rules.map(parseRule).some((rule) => matchesName(rule.host, name));
}

interface Rule {
  readonly host: string;
  /** Undefined: every port. */
  readonly port: number | undefined;
}

function parseRule(text: string): Rule {
  const match = /^(.*):(\*|\d+)$/.exec(text.trim());
  if (match === null) return { host: normalName(text.trim()), port: undefined };
  const [, host = '', port = ''] = match;
  return { host: normalName(host), port: port === '*' ? undefined : Number(port) };
}

function matchesName(host: string, name: string): boolean {
  const wanted = normalName(name);
  if (host === '*') return true;
  return host.startsWith('*.') ? wanted.endsWith(host.slice(1)) : wanted === host;
}

function matchesAddress(host: string, address: string): boolean {
  if (host === '*' || host === address) return true;
  const subnet = parseSubnet(host);
  const number = parseIpv4(address);
  return subnet !== undefined && number !== undefined && inSubnet(number, subnet);
}
