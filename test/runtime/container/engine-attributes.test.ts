import { describe, test } from 'vitest';

import { ENGINE_ATTRIBUTES } from '../../../src/runtime/container/engine-attributes.ts';
import type { AttributeRow } from '../../../src/runtime/container/engine-attributes.ts';
import { parseBytes, parseMicroseconds } from '../../../src/runtime/container/quantity.ts';

const MIB = 1024 * 1024;

/** attribute -> [value in the file, where it goes, what the Engine gets] */
const CASES: Readonly<Record<string, readonly (readonly [unknown, AttributeRow['part'], object])[]>> = {
  annotations: [[{ a: 'b', n: 1 }, 'host', { Annotations: { a: 'b', n: '1' } }]],
  blkio_config: [
    [
      {
        weight: 300,
        weight_device: [{ path: '/dev/sda', weight: 400 }],
        device_read_bps: [{ path: '/dev/sdb', rate: '12mb' }],
        device_write_iops: [{ path: '/dev/sdb', rate: 30 }],
        device_read_iops: [],
        device_write_bps: [],
      },
      'host',
      {
        BlkioWeight: 300,
        BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 400 }],
        BlkioDeviceReadBps: [{ Path: '/dev/sdb', Rate: 12 * MIB }],
        BlkioDeviceWriteIOps: [{ Path: '/dev/sdb', Rate: 30 }],
        BlkioDeviceReadIOps: [],
        BlkioDeviceWriteBps: [],
      },
    ],
  ],
  cap_add: [[['ALL'], 'host', { CapAdd: ['ALL'] }]],
  cap_drop: [[['NET_ADMIN', 'SYS_ADMIN'], 'host', { CapDrop: ['NET_ADMIN', 'SYS_ADMIN'] }]],
  cgroup: [['private', 'host', { CgroupnsMode: 'private' }]],
  cgroup_parent: [['m-executor', 'host', { CgroupParent: 'm-executor' }]],
  cpu_count: [['2', 'host', { CpuCount: 2 }]],
  cpu_percent: [[50, 'host', { CpuPercent: 50 }]],
  cpu_period: [
    ['100ms', 'host', { CpuPeriod: 100_000 }],
    [50_000, 'host', { CpuPeriod: 50_000 }],
  ],
  cpu_quota: [['50000', 'host', { CpuQuota: 50_000 }]],
  cpu_rt_period: [['1400us', 'host', { CpuRealtimePeriod: 1_400 }]],
  cpu_rt_runtime: [['400ms', 'host', { CpuRealtimeRuntime: 400_000 }]],
  cpu_shares: [[73, 'host', { CpuShares: 73 }]],
  cpus: [
    [0.5, 'host', { NanoCpus: 500_000_000 }],
    ['1.5', 'host', { NanoCpus: 1_500_000_000 }],
  ],
  cpuset: [
    ['0,1', 'host', { CpusetCpus: '0,1' }],
    [0, 'host', { CpusetCpus: '0' }],
  ],
  device_cgroup_rules: [[['c 1:3 mr'], 'host', { DeviceCgroupRules: ['c 1:3 mr'] }]],
  devices: [
    [
      ['/dev/a', '/dev/a:/dev/b', '/dev/a:/dev/b:r', { source: '/dev/c', target: '/dev/d', permissions: 'rw' }],
      'host',
      {
        Devices: [
          { PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' },
          { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'rwm' },
          { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'r' },
          { PathOnHost: '/dev/c', PathInContainer: '/dev/d', CgroupPermissions: 'rw' },
        ],
      },
    ],
  ],
  dns: [
    ['8.8.8.8', 'host', { Dns: ['8.8.8.8'] }],
    [['8.8.8.8', '9.9.9.9'], 'host', { Dns: ['8.8.8.8', '9.9.9.9'] }],
  ],
  dns_opt: [[['use-vc'], 'host', { DnsOptions: ['use-vc'] }]],
  dns_search: [['example.com', 'host', { DnsSearch: ['example.com'] }]],
  domainname: [['example.com', 'config', { Domainname: 'example.com' }]],
  external_links: [[['other:db'], 'endpoint', { Links: ['other:db'] }]],
  gpus: [
    ['all', 'host', { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }],
    [
      [
        { driver: 'nvidia', count: 2, capabilities: ['utility'], options: { a: 1 } },
        { device_ids: ['0'], capabilities: ['gpu'] },
        { count: 'all' },
      ],
      'host',
      {
        DeviceRequests: [
          { Driver: 'nvidia', Count: 2, Capabilities: [['utility', 'gpu']], Options: { a: '1' } },
          { DeviceIDs: ['0'], Capabilities: [['gpu']] },
          { Count: -1, Capabilities: [['gpu']] },
        ],
      },
    ],
  ],
  group_add: [[['mail', 1001], 'host', { GroupAdd: ['mail', '1001'] }]],
  hostname: [['web', 'config', { Hostname: 'web' }]],
  init: [[true, 'host', { Init: true }]],
  ipc: [['host', 'host', { IpcMode: 'host' }]],
  isolation: [['default', 'host', { Isolation: 'default' }]],
  links: [[['shop-db-1:db'], 'endpoint', { Links: ['shop-db-1:db'] }]],
  logging: [
    [
      { driver: 'json-file', options: { 'max-size': '10m', 'max-file': 3 } },
      'host',
      { LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } } },
    ],
    [{ options: { tag: 'x' } }, 'host', { LogConfig: { Type: '', Config: { tag: 'x' } } }],
  ],
  mac_address: [['02:42:ac:11:65:43', 'endpoint', { MacAddress: '02:42:ac:11:65:43' }]],
  mem_reservation: [['64m', 'host', { MemoryReservation: 64 * MIB }]],
  mem_swappiness: [['0', 'host', { MemorySwappiness: 0 }]],
  memswap_limit: [
    ['-1', 'host', { MemorySwap: -1 }],
    ['67108864', 'host', { MemorySwap: 64 * MIB }],
  ],
  oom_kill_disable: [['true', 'host', { OomKillDisable: true }]],
  oom_score_adj: [[-500, 'host', { OomScoreAdj: -500 }]],
  pid: [['host', 'host', { PidMode: 'host' }]],
  pids_limit: [['100', 'host', { PidsLimit: 100 }]],
  privileged: [[true, 'host', { Privileged: true }]],
  read_only: [['false', 'host', { ReadonlyRootfs: false }]],
  runtime: [['runsc', 'host', { Runtime: 'runsc' }]],
  security_opt: [
    [
      ['label:user:USER', 'no-new-privileges:true', 'seccomp={"a":1}', 'apparmor=unconfined', 'no-new-privileges'],
      'host',
      {
        SecurityOpt: [
          'label=user:USER',
          'no-new-privileges=true',
          'seccomp={"a":1}',
          'apparmor=unconfined',
          'no-new-privileges',
        ],
      },
    ],
  ],
  shm_size: [
    ['67108864', 'host', { ShmSize: 64 * MIB }],
    ['64m', 'host', { ShmSize: 64 * MIB }],
    [1024, 'host', { ShmSize: 1024 }],
  ],
  stdin_open: [[true, 'config', { OpenStdin: true }]],
  storage_opt: [[{ size: '1G' }, 'host', { StorageOpt: { size: '1G' } }]],
  sysctls: [[{ 'net.core.somaxconn': 1024 }, 'host', { Sysctls: { 'net.core.somaxconn': '1024' } }]],
  tmpfs: [
    ['/run', 'host', { Tmpfs: { '/run': '' } }],
    [['/run:size=64m,mode=1777', '/tmp'], 'host', { Tmpfs: { '/run': 'size=64m,mode=1777', '/tmp': '' } }],
  ],
  tty: [[true, 'config', { Tty: true }]],
  ulimits: [
    [
      { nproc: 65_535, nofile: { soft: '1024', hard: 2048 } },
      'host',
      {
        Ulimits: [
          { Name: 'nproc', Soft: 65_535, Hard: 65_535 },
          { Name: 'nofile', Soft: 1024, Hard: 2048 },
        ],
      },
    ],
  ],
  userns_mode: [['host', 'host', { UsernsMode: 'host' }]],
  uts: [['host', 'host', { UTSMode: 'host' }]],
  volumes_from: [[['abc:ro'], 'host', { VolumesFrom: ['abc:ro'] }]],
};

/** Values that mean nothing; the error names them. */
const USELESS: readonly (readonly [string, unknown])[] = [
  ['shm_size', 'much'],
  ['cpus', 'two'],
  ['cpus', ''],
  ['cpu_period', '5 parsecs'],
  ['tty', 'maybe'],
  ['init', 1],
  ['hostname', ['a']],
  ['cap_add', [{ a: 1 }]],
  ['sysctls', ['a=b']],
  ['annotations', { a: { b: 1 } }],
  ['ulimits', { nofile: 'many' }],
  ['devices', ['vendor.com/gpu=0']],
  ['logging', 'json-file'],
  ['gpus', ['all']],
  ['blkio_config', { weight: 'heavy' }],
  ['blkio_config', { speed: 1 }],
];

describe('attributes of a container that the Engine takes', () => {
  test('every attribute has a case here', ({ expect }) => {
    expect(Object.keys(CASES).toSorted()).toEqual(Object.keys(ENGINE_ATTRIBUTES).toSorted());
  });

  for (const [name, cases] of Object.entries(CASES)) {
    for (const [value, part, expected] of cases) {
      test(`${name}: ${JSON.stringify(value)}`, ({ expect }) => {
        const row = ENGINE_ATTRIBUTES[name];
        expect(row?.part).toBe(part);
        expect(row?.entries(value)).toEqual(expected);
      });
    }
  }

  for (const [name, value] of USELESS) {
    test(`${name} cannot be ${JSON.stringify(value)}`, ({ expect }) => {
      expect(ENGINE_ATTRIBUTES[name]?.entries(value)).toBeUndefined();
    });
  }
});

describe('sizes and times', () => {
  const sizes: readonly (readonly [unknown, number | undefined])[] = [
    [1, 1],
    ['67108864', 64 * MIB],
    ['1b', 1],
    ['2k', 2048],
    ['2KB', 2048],
    ['1.5g', 1.5 * 1024 * MIB],
    ['1GiB', 1024 * MIB],
    ['-1', -1],
    ['', undefined],
    ['m', undefined],
    [true, undefined],
  ];
  for (const [text, expected] of sizes) {
    test(`${JSON.stringify(text)} is ${expected} bytes`, ({ expect }) => {
      expect(parseBytes(text)).toBe(expected);
    });
  }
  const times: readonly (readonly [unknown, number | undefined])[] = [
    [100, 100],
    ['100', 100],
    ['1m30s', 90e6],
    ['1.5ms', 1_500],
    ['10us', 10],
    ['s', undefined],
    ['1 s', undefined],
    [null, undefined],
  ];
  for (const [text, expected] of times) {
    test(`${JSON.stringify(text)} is ${expected} microseconds`, ({ expect }) => {
      expect(parseMicroseconds(text)).toBe(expected);
    });
  }
});
