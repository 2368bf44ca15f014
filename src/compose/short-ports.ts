import { isIP } from 'node:net';

import { child, map, numberOf, scalar, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { ExpandContext } from './rules.ts';
import { keepsVariable } from './short-forms.ts';

/** `127.0.0.1:8080-8081:80-81/udp` for one mapping for each port of the service. */
export function shortPort(item: Node, context: ExpandContext): readonly Node[] {
  if (item.kind !== 'scalar' || (typeof item.value !== 'string' && typeof item.value !== 'number')) return [item];
  const text = String(item.value);
  if (keepsVariable(text, context)) return [item];
  const parsed = parsePort(text);
  if (typeof parsed === 'string') {
    context.error(item, parsed, 'the short form is [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]');
    return [];
  }
  return parsed.map((port) =>
    map(
      {
        mode: scalar('ingress', item.at),
        host_ip: port.hostIp === '' ? undefined : scalar(port.hostIp, item.at),
        target: scalar(port.target, item.at),
        published: port.published === '' ? undefined : scalar(port.published, item.at),
        protocol: scalar(port.protocol, item.at),
      },
      item.at,
    ),
  );
}

/** Two ports are one where address, published and target port and protocol are the same. */
export function portKey(item: Node): string {
  if (item.kind !== 'map') return item.kind === 'scalar' ? String(item.value) : '';
  const value = (key: string, otherwise: string): string => {
    const node = child(item, key);
    return node?.kind === 'scalar' ? String(node.value) : otherwise;
  };
  const [host, published] = [value('host_ip', '0.0.0.0'), value('published', '')];
  return `${host}:${published}:${value('target', '')}/${value('protocol', 'tcp')}`;
}

export function checkPort(item: Node, context: ExpandContext): void {
  if (item.kind !== 'map') return;
  const target = child(item, 'target');
  if (target === undefined) context.error(item, 'is missing a target port');
  const port = numberOf(target);
  if (target !== undefined && port !== undefined && (port < 1 || port > 65_535)) {
    context.error(target, `invalid port number ${port}`);
  }
  if (context.raw) return;
  const [host, published] = [child(item, 'host_ip'), child(item, 'published')];
  const [address, ports] = [textOf(host), textOf(published)];
  if (host !== undefined && address !== undefined && isIP(address) === 0) {
    context.error(host, `invalid ip address: ${address}`);
  }
  if (published !== undefined && ports !== undefined && ports !== '' && range(ports) === undefined) {
    context.error(published, `invalid published port ${ports}`);
  }
}

interface ShortPort {
  readonly hostIp: string;
  readonly published: string;
  readonly target: number;
  readonly protocol: string;
}

/** The ports, or what is wrong with the text. */
function parsePort(text: string): readonly ShortPort[] | string {
  const [body = '', protocol = 'tcp', ...more] = text.split('/');
  const kind = protocol.toLowerCase();
  if (more.length > 0 || !['tcp', 'udp', 'sctp'].includes(kind)) return `invalid protocol in port ${text}`;
  if (body === '') return 'no port specified';
  const { hostIp, published, target } = split(body);
  if (hostIp !== '' && isIP(hostIp) === 0) return `invalid ip address: ${hostIp}`;
  const targets = range(target);
  if (targets === undefined) return `invalid container port in ${text}`;
  const publisheds = published === '' ? undefined : range(published);
  if (published !== '' && publisheds === undefined) return `invalid published port in ${text}`;
  const count = targets.last - targets.first + 1;
  const hostCount = publisheds === undefined ? count : publisheds.last - publisheds.first + 1;
  // Several host ports for one port of the service: any free one of them.
  if (hostCount !== count && count !== 1) return `the port ranges of ${text} differ in length`;
  return Array.from({ length: count }, (_unused, index) => ({
    hostIp,
    published: hostCount === count && publisheds !== undefined ? String(publisheds.first + index) : published,
    target: targets.first + index,
    protocol: kind,
  }));
}

/** From the right, so that the colons of an IPv6 address stay together. */
function split(body: string): { readonly hostIp: string; readonly published: string; readonly target: string } {
  const last = body.lastIndexOf(':');
  if (last < 0) return { hostIp: '', published: '', target: body };
  const target = body.slice(last + 1);
  const rest = body.slice(0, last);
  const before = rest.lastIndexOf(':');
  if (before < 0) return { hostIp: '', published: rest, target };
  return { hostIp: rest.slice(0, before).replaceAll(/^\[|\]$/g, ''), published: rest.slice(before + 1), target };
}

function range(text: string): { readonly first: number; readonly last: number } | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const first = Number(found[1]);
  const last = Number(found[2] ?? first);
  return last < first || last > 65_535 ? undefined : { first, last };
}
