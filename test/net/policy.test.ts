import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { NetworkSpec, WasmService } from '../../src/model/project.ts';
import { parseIpv4, parseSubnet } from '../../src/net/ipv4.ts';
import { decide } from '../../src/net/policy.ts';
import type { Peer, World } from '../../src/net/policy.ts';
import { HOST_GATEWAY } from '../../src/net/virtual-addresses.ts';
import { container, project, wasm } from './projects.ts';

/**
 * Networks: front 172.18/16, back 172.19/16 (internal), other 172.20/16. The host is 192.168.1.10 in its own LAN and
 * the first address of every bridge; br-0123456789ab is a network of another project, docker0 the Engine's default.
 */
const networks: Readonly<Record<string, Partial<NetworkSpec>>> = { back: { internal: true } };

function world(caller: WasmService, answers: Readonly<Record<string, readonly string[]>> = {}): World {
  const desired = project(
    [caller, wasm('near', ['front']), wasm('far', ['other']), container('db', ['front', 'back'])],
    networks,
  );
  return {
    project: desired,
    peers: [
      peer(caller, '198.18.1.1'),
      peer(wasm('near', ['front']), '198.18.1.2'),
      peer(wasm('far', ['other']), '198.18.1.3'),
    ],
    endpoints: [{ network: 'lan', address: '10.9.0.9', names: ['printer'] }],
    subnets: new Map([
      ['demo_front', [subnet('172.18.0.0/16')]],
      ['demo_back', [subnet('172.19.0.0/16')]],
      ['demo_other', [subnet('172.20.0.0/16')]],
    ]),
    host: () => ({
      own: new Set(['192.168.1.10', '172.17.0.1', '172.18.0.1', '172.19.0.1', '172.20.0.1', '10.77.0.1'].map(address)),
      bridges: [
        { name: 'docker0', subnet: subnet('172.17.0.0/16') },
        { name: 'br-0123456789ab', subnet: subnet('10.77.0.0/24') },
      ],
    }),
    namesOf: (one) => answers[one] ?? [],
  };
}

function peer(service: WasmService, ...addresses: readonly string[]): Peer {
  return { id: instanceId(service.name, 1), service, addresses };
}

function subnet(text: string): NonNullable<ReturnType<typeof parseSubnet>> {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function address(text: string): number {
  return parseIpv4(text) ?? -1;
}

/** `front -> 172.18.0.5` in one word: where it goes, or the errno. */
function outcome(service: WasmService, to: string, port = 80, answers = {}): string {
  const view = world(service, answers);
  const caller = view.peers[0];
  if (caller === undefined) throw new Error('no caller');
  const decision = decide(view, caller, to, port);
  switch (decision.to) {
    case 'refused':
      return decision.errno;
    case 'instance':
      return decision.id;
    case 'network':
    case 'outside':
      return `${decision.to} ${decision.address}`;
    case 'host':
      return 'host';
  }
}

const front = wasm('web', ['front']);
const back = wasm('web', ['back']);
const both = wasm('web', ['front', 'back']);
const none = wasm('web', [], { networkMode: 'none' });
const host = wasm('web', [], { networkMode: 'host' });
const gateway = wasm('web', ['back'], { extraHosts: { host: ['host-gateway'], fixed: ['192.0.2.9'] } });
const narrow = wasm('web', ['front'], { outbound: ['api.example.com:443', '192.0.2.0/28:*', '198.51.100.7:25'] });
const closed = wasm('web', ['front'], { outbound: [] });

const TABLE: readonly (readonly [what: string, from: WasmService, to: string, outcome: string])[] = [
  ['a container on its network', front, '172.18.0.5', 'network 172.18.0.5'],
  ['a container on its internal network', back, '172.19.0.5', 'network 172.19.0.5'],
  ['a container on a network it is not on', front, '172.19.0.5', 'EHOSTUNREACH'],
  ['a container on a network it is not on, from an internal one', back, '172.20.0.5', 'EHOSTUNREACH'],
  ["a container of the Engine's default network", front, '172.17.0.5', 'EHOSTUNREACH'],
  ['a container of another project', front, '10.77.0.5', 'EHOSTUNREACH'],
  ["the host on another network's bridge", front, '172.20.0.1', 'EHOSTUNREACH'],
  ['the host on its own bridge', front, '172.18.0.1', 'outside 172.18.0.1'],
  ['the host on its own internal bridge', back, '172.19.0.1', 'ENETUNREACH'],
  ['the host on its LAN', front, '192.168.1.10', 'outside 192.168.1.10'],
  ['a Wasm instance on its network', front, '198.18.1.2', 'near#1'],
  ['a Wasm instance on another network', front, '198.18.1.3', 'EHOSTUNREACH'],
  ['itself by its address', back, '198.18.1.1', 'web#1'],
  ['itself by loopback', back, '127.0.0.1', 'web#1'],
  ['itself by any loopback address', back, '127.8.9.10', 'web#1'],
  ['a virtual address that nobody has', front, '198.19.255.1', 'EHOSTUNREACH'],
  ['the world outside', front, '192.0.2.1', 'outside 192.0.2.1'],
  ['the world outside with one network that is not internal', both, '192.0.2.1', 'outside 192.0.2.1'],
  ['the world outside from an internal network', back, '192.0.2.1', 'ENETUNREACH'],
  ['the world outside without a network', none, '192.0.2.1', 'ENETUNREACH'],
  ['itself without a network', none, '127.0.0.1', 'web#1'],
  ['a Wasm instance without a network', none, '198.18.1.2', 'EHOSTUNREACH'],
  ['a container without a network', none, '172.18.0.5', 'EHOSTUNREACH'],
  ["loopback with the host's network", host, '127.0.0.1', 'host'],
  ["the world outside with the host's network", host, '192.0.2.1', 'outside 192.0.2.1'],
  ["metadata with the host's network", host, '169.254.169.254', 'EACCES'],
  ['the host without host-gateway', front, HOST_GATEWAY, 'EACCES'],
  ['the host with host-gateway', gateway, HOST_GATEWAY, 'host'],
  ['what extra_hosts names, which opens no way', gateway, '192.0.2.9', 'ENETUNREACH'],
  ['an address outbound lists by subnet', narrow, '192.0.2.1', 'outside 192.0.2.1'],
  ['an address outbound lists for another port', narrow, '198.51.100.7', 'EACCES'],
  ['an address outbound does not list', narrow, '203.0.113.1', 'EACCES'],
  ['a container, which outbound does not concern', closed, '172.18.0.5', 'network 172.18.0.5'],
  ['anything outside with an empty outbound', closed, '192.0.2.1', 'EACCES'],
  ['0.0.0.0', front, '0.0.0.0', 'EACCES'],
  ['link-local', front, '169.254.1.1', 'EACCES'],
  ['metadata', front, '169.254.169.254', 'EACCES'],
  ["Alibaba Cloud's metadata", front, '100.100.100.200', 'EACCES'],
  ['multicast', front, '224.0.0.251', 'EACCES'],
  ['broadcast', front, '255.255.255.255', 'EACCES'],
  ['reserved', front, '240.0.0.1', 'EACCES'],
  ['metadata as IPv4-mapped IPv6', front, '::ffff:169.254.169.254', 'EACCES'],
  ['metadata as IPv4-mapped IPv6 in hexadecimal', front, '::ffff:a9fe:a9fe', 'EACCES'],
  ['metadata as IPv4-mapped IPv6, spelled out', front, '0:0:0:0:0:FFFF:A9FE:A9FE', 'EACCES'],
  ['loopback as IPv4-mapped IPv6', front, '::ffff:7f00:1', 'web#1'],
  ['a container as IPv4-mapped IPv6', front, '::ffff:172.18.0.5', 'network 172.18.0.5'],
  ['IPv6 loopback', front, '::1', 'ENETUNREACH'],
  ['IPv6 unspecified', front, '::', 'ENETUNREACH'],
  ['IPv4-compatible IPv6', front, '::127.0.0.1', 'ENETUNREACH'],
  ['IPv6 metadata', front, 'fd00:ec2::254', 'ENETUNREACH'],
  ['IPv6 link-local with a zone', front, 'fe80::1%eth0', 'ENETUNREACH'],
  ['NAT64 of metadata', front, '64:ff9b::a9fe:a9fe', 'ENETUNREACH'],
  ['an IPv6 address outside', front, '2001:db8::1', 'ENETUNREACH'],
  ['an octal spelling', front, '0177.0.0.1', 'EHOSTUNREACH'],
  ['a hexadecimal spelling', front, '0x7f.0.0.1', 'EHOSTUNREACH'],
  ['one number', front, '2130706433', 'EHOSTUNREACH'],
  ['two numbers', front, '127.1', 'EHOSTUNREACH'],
  ['a number too large', front, '256.0.0.1', 'EHOSTUNREACH'],
  ['a name', front, 'db', 'EHOSTUNREACH'],
  ['nothing', front, '', 'EHOSTUNREACH'],
];

describe('who may connect where', () => {
  for (const [what, from, to, expected] of TABLE) {
    test(`${what}: ${to || '(empty)'}`, ({ expect }) => {
      expect(outcome(from, to)).toBe(expected);
    });
  }

  test('a name of outbound allows the addresses the service got for it, on that port', ({ expect }) => {
    const answers = { '203.0.113.1': ['api.example.com'], '203.0.113.2': ['evil.example.com'] };
    expect(outcome(narrow, '203.0.113.1', 443, answers)).toBe('outside 203.0.113.1');
    expect(outcome(narrow, '203.0.113.1', 80, answers)).toBe('EACCES');
    expect(outcome(narrow, '203.0.113.2', 443, answers)).toBe('EACCES');
  });

  test('a name of outbound opens no forbidden address that it resolves to', ({ expect }) => {
    const answers = { '169.254.169.254': ['api.example.com'], '172.20.0.5': ['api.example.com'] };
    expect(outcome(narrow, '169.254.169.254', 443, answers)).toBe('EACCES');
    expect(outcome(narrow, '172.20.0.5', 443, answers)).toBe('EHOSTUNREACH');
  });

  test('host-gateway is narrowed by outbound too, under the names it has there', ({ expect }) => {
    const extraHosts = { host: ['host-gateway'] };
    const allowed = wasm('web', ['front'], { extraHosts, outbound: ['host:5432'] });
    expect(outcome(allowed, HOST_GATEWAY, 5432)).toBe('host');
    expect(outcome(allowed, HOST_GATEWAY, 22)).toBe('EACCES');
  });

  test('a container on an external network counts without a known subnet', ({ expect }) => {
    const service = wasm('web', ['shared']);
    const view = world(service);
    const shared: World = {
      ...view,
      project: project([service], { shared: { external: true, name: 'lan', internal: true } }),
    };
    expect(decide(shared, peer(service, '198.18.1.1'), '10.9.0.9', 80)).toEqual({ to: 'network', address: '10.9.0.9' });
  });

  test('every refusal says from, to and which rule', ({ expect }) => {
    for (const [, from, to] of TABLE) {
      const view = world(from);
      const decision = decide(view, view.peers[0] ?? peer(from), to, 80);
      if (decision.to !== 'refused') continue;
      expect(decision.reason).toMatch(/^web#1 may not connect to .* port 80: .{10,}/);
      expect(decision.reason).toContain(to);
    }
  });
});
