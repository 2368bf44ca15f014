import { describe, test } from 'vitest';

import { instanceId, projectName } from '../../src/model/ids.ts';
import type { ContainerEndpoint } from '../../src/net/fabric-engine.ts';
import { engineNetworks, needsEngine } from '../../src/net/engine-view.ts';
import { hostsFile } from '../../src/net/hosts-file.ts';
import { formatIpv4, inSubnet, parseIpv4, parseMappedIpv4, parseSubnet } from '../../src/net/ipv4.ts';
import { containerAddresses, isProjectName, wasmNames } from '../../src/net/name-table.ts';
import { outboundAllows, outboundNames } from '../../src/net/outbound.ts';
import { isVirtual, VirtualAddresses } from '../../src/net/virtual-addresses.ts';
import { container, project, wasm } from './projects.ts';

describe('IPv4 addresses', () => {
  const valid = ['0.0.0.0', '1.2.3.4', '10.0.0.1', '127.0.0.1', '172.18.255.254', '255.255.255.255'];
  for (const text of valid) {
    test(`${text} is one, and is written as it was read`, ({ expect }) => {
      expect(formatIpv4(parseIpv4(text) ?? -1)).toBe(text);
    });
  }

  const invalid = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.-4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.',
    '::1',
  ];
  for (const text of invalid) {
    test(`${JSON.stringify(text)} is none`, ({ expect }) => {
      expect(parseIpv4(text)).toBeUndefined();
    });
  }

  const mapped: readonly (readonly [string, string | undefined])[] = [
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:102:304', '1.2.3.4'],
    ['::ffff:1.2.3.4%lo', '1.2.3.4'],
    ['::1.2.3.4', undefined],
    ['::ffff:0:1.2.3.4', undefined],
    ['64:ff9b::1.2.3.4', undefined],
  ];
  for (const [text, expected] of mapped) {
    test(`${text} means ${expected ?? 'no IPv4 address'}`, ({ expect }) => {
      const parsed = parseMappedIpv4(text);
      expect(parsed === undefined ? undefined : formatIpv4(parsed)).toBe(expected);
    });
  }

  const subnets: readonly (readonly [string, string, boolean])[] = [
    ['172.18.0.0/16', '172.18.255.255', true],
    ['172.18.0.0/16', '172.19.0.0', false],
    ['172.18.5.9/16', '172.18.0.1', true],
    ['10.0.0.4/32', '10.0.0.4', true],
    ['10.0.0.4/32', '10.0.0.5', false],
    ['10.0.0.4/31', '10.0.0.5', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['128.0.0.0/1', '200.0.0.1', true],
    ['128.0.0.0/1', '127.0.0.1', false],
  ];
  for (const [range, address, inside] of subnets) {
    test(`${address} is ${inside ? '' : 'not '}in ${range}`, ({ expect }) => {
      const parsed = parseSubnet(range);
      expect(parsed !== undefined && inSubnet(parseIpv4(address) ?? -1, parsed)).toBe(inside);
    });
  }

  for (const text of ['', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0/8', 'fd00::/8', '10.0.0.0/8/8']) {
    test(`${JSON.stringify(text)} is no subnet`, ({ expect }) => {
      expect(parseSubnet(text)).toBeUndefined();
    });
  }
});

describe('virtual addresses', () => {
  test('are of their range, differ, and stay', ({ expect }) => {
    const addresses = new VirtualAddresses(projectName('demo'));
    const ids = Array.from({ length: 500 }, (_, at) => instanceId('web', at + 1));
    const given = ids.map((id) => addresses.of(id));
    expect(new Set(given).size).toBe(500);
    expect(given.every((one) => isVirtual(parseIpv4(one) ?? 0))).toBe(true);
    expect(given.some((one) => one.startsWith('198.18.0.'))).toBe(false);
    expect(ids.map((id) => addresses.of(id))).toEqual(given);
  });

  test('do not depend on who asks first', ({ expect }) => {
    const [one, other] = [new VirtualAddresses(projectName('demo')), new VirtualAddresses(projectName('demo'))];
    const [a, b] = [instanceId('a', 1), instanceId('b', 1)];
    expect([one.of(a), one.of(b)]).toEqual([other.of(b), other.of(a)].toReversed());
  });
});

describe('names', () => {
  const web = wasm('web', ['front', 'back']);
  const api = wasm(
    'api',
    [
      { network: 'back', aliases: ['Backend'] },
      { network: 'deep', aliases: ['secret'] },
    ],
    {
      containerName: 'the-api',
      replicas: 2,
    },
  );
  const lone = wasm('lone', ['deep']);
  const db = container('db', [{ network: 'back', aliases: ['store'] }], { containerName: 'pg' });
  const demo = project([web, api, lone, db]);

  const table: readonly (readonly [string, unknown])[] = [
    ['api', [{ service: 'api' }]],
    ['API', [{ service: 'api' }]],
    ['api.', [{ service: 'api' }]],
    ['backend', [{ service: 'api' }]],
    ['the-api', [{ service: 'api' }]],
    ['demo-api-2', [{ service: 'api', index: 2 }]],
    ['demo-api-3', []],
    ['web', [{ service: 'web' }]],
    ['secret', []],
    ['lone', []],
    ['db', []],
    ['api.back', []],
  ];
  for (const [name, expected] of table) {
    test(`${name} means ${JSON.stringify(expected)} to web`, ({ expect }) => {
      expect(wasmNames(demo, web, name)).toEqual(expected);
    });
  }

  test('one name of two services means both', ({ expect }) => {
    const twin = project([
      web,
      wasm('a', [{ network: 'back', aliases: ['x'] }]),
      wasm('b', [{ network: 'back', aliases: ['x'] }]),
    ]);
    expect(wasmNames(twin, web, 'x')).toEqual([{ service: 'a' }, { service: 'b' }]);
  });

  const endpoints: readonly ContainerEndpoint[] = [
    { network: 'demo_back', address: '172.18.0.2', names: ['pg', 'db', 'store'] },
    { network: 'demo_deep', address: '172.19.0.2', names: ['pg', 'db'] },
    { network: 'demo_back', address: '172.18.0.3', names: ['db'] },
  ];
  test('of containers count on shared networks only', ({ expect }) => {
    expect(containerAddresses(demo, web, endpoints, 'DB')).toEqual(['172.18.0.2', '172.18.0.3']);
    expect(containerAddresses(demo, lone, endpoints, 'db')).toEqual(['172.19.0.2']);
    expect(containerAddresses(demo, lone, endpoints, 'store')).toEqual([]);
  });

  test('of the project are known as such, whoever asks', ({ expect }) => {
    const names = ['web', 'Lone', 'secret', 'pg', 'store.', 'demo-api-2', 'example.com', 'demo'];
    expect(names.filter((name) => isProjectName(demo, name))).toEqual(names.slice(0, 6));
  });
});

describe('which networks need a relay', () => {
  test('those with a container or of somebody else', ({ expect }) => {
    const web = wasm('web', ['plain', 'mixed', 'shared']);
    const demo = project([web, wasm('api', ['plain']), container('db', ['mixed'])], { shared: { external: true } });
    expect(engineNetworks(demo, web)).toEqual(['mixed', 'shared']);
    expect(needsEngine(demo)).toBe(true);
    expect(needsEngine(project([web, wasm('api')]))).toBe(false);
    expect(needsEngine(project([web], { shared: { external: true } }))).toBe(true);
  });
});

describe('outbound', () => {
  const to = { address: '192.0.2.7', port: 443, names: ['api.example.com'] };
  const table: readonly (readonly [readonly string[] | undefined, boolean])[] = [
    [undefined, true],
    [[], false],
    [['api.example.com:443'], true],
    [['API.Example.com.:443'], true],
    [['api.example.com:80'], false],
    [['api.example.com'], true],
    [['api.example.com:*'], true],
    [['*.example.com:443'], true],
    [['*.api.example.com:443'], false],
    [['*example.com:443'], false],
    [['example.com:443'], false],
    [['*:443'], true],
    [['*:80'], false],
    [['192.0.2.7:443'], true],
    [['192.0.2.8:443'], false],
    [['192.0.2.0/24:443'], true],
    [['192.0.3.0/24:443'], false],
    [['other:1', '192.0.2.7'], true],
  ];
  for (const [rules, allowed] of table) {
    test(`${JSON.stringify(rules)} ${allowed ? 'allows' : 'does not allow'} api.example.com:443`, ({ expect }) => {
      expect(outboundAllows(rules, to)).toBe(allowed);
    });
  }

  test('only names it lists are asked for', ({ expect }) => {
    const rules = ['api.example.com:443', '*.example.org', '192.0.2.0/24'];
    const names = ['api.example.com', 'x.example.org', 'example.org', 'example.com', 'evil.com'];
    expect(names.filter((name) => outboundNames(rules, name))).toEqual(['api.example.com', 'x.example.org']);
    expect(outboundNames(undefined, 'anything')).toBe(true);
  });
});

test('a hosts file has the loopback, extra hosts and the instance', ({ expect }) => {
  expect(hostsFile('198.18.1.1', 'web', { a: ['192.0.2.1', '192.0.2.2'] })).toBe(
    '127.0.0.1\tlocalhost\n192.0.2.1\ta\n192.0.2.2\ta\n198.18.1.1\tweb\n',
  );
});
