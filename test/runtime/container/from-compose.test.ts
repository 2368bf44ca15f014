import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { ATTRIBUTE_USE } from '../../../src/compose/attribute-use.ts';
import { loadProject } from '../../../src/compose/load.ts';
import { instanceId, projectName } from '../../../src/model/ids.ts';
import type { ContainerService } from '../../../src/model/project.ts';
import { planCreate } from '../../../src/runtime/container/create-body.ts';
import { ENGINE_ATTRIBUTES } from '../../../src/runtime/container/engine-attributes.ts';
import { requireApi } from '../../../src/runtime/container/needs-api.ts';
import { LogCollector } from '../../fake/log-collector.ts';

/** Every attribute that the loader hands to the driver, as people write it. */
const FILE = `
services:
  db: { image: db }
  web:
    image: web
    annotations: [com.example.a=b]
    blkio_config:
      weight: 300
      weight_device: [{ path: /dev/sda, weight: 400 }]
      device_read_bps: [{ path: /dev/sdb, rate: 12mb }]
      device_write_iops: [{ path: /dev/sdb, rate: 30 }]
    cap_add: [ALL]
    cap_drop: [NET_ADMIN]
    cgroup: private
    cgroup_parent: m-executor
    cpu_count: 2
    cpu_percent: 50
    cpu_period: 100000
    cpu_quota: 50000
    cpu_rt_period: 1400
    cpu_rt_runtime: 950
    cpu_shares: 73
    cpus: 0.5
    cpuset: 0,1
    device_cgroup_rules: ['c 1:3 mr']
    devices: [/dev/null:/dev/nothing:r]
    dns: 8.8.8.8
    dns_opt: [use-vc]
    dns_search: example.com
    domainname: example.com
    external_links: [other:outside]
    gpus: all
    group_add: [mail, 1001]
    hostname: here
    init: true
    ipc: host
    isolation: default
    links: [db:database]
    logging: { driver: json-file, options: { max-size: 10m, max-file: 3 } }
    mac_address: 02:42:ac:11:65:43
    mem_reservation: 64m
    mem_swappiness: 10
    memswap_limit: 1g
    oom_kill_disable: true
    oom_score_adj: -500
    pid: host
    pids_limit: 100
    privileged: true
    read_only: true
    runtime: runc
    security_opt: ['label:user:USER', 'no-new-privileges:true']
    shm_size: 64m
    stdin_open: true
    storage_opt: { size: 1G }
    sysctls: [net.core.somaxconn=1024]
    tmpfs: /run:size=64m
    tty: true
    ulimits: { nproc: 65535, nofile: { soft: 100, hard: 200 } }
    userns_mode: host
    uts: host
    volumes_from: [db:ro]
`;

async function load(file: string): Promise<ContainerService> {
  const cwd = mkdtempSync(join(tmpdir(), 'wc-compose-'));
  try {
    writeFileSync(join(cwd, 'compose.yaml'), file);
    const { project } = await loadProject(
      { cwd, files: [], envFiles: [], profiles: [], services: [], env: {}, stdin: async () => '' },
      AbortSignal.timeout(10_000),
    );
    const service = project.services['web'];
    if (service?.kind !== 'container') throw new Error('web is no container');
    return service;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const DETAILS = `
services:
  web:
    image: web
    ports: ["80-90:80", "1:1/sctp"]
    networks:
      n: { ipv6_address: "2001:db8::2", mac_address: "02:42:ac:11:65:43", driver_opts: { a: 1 }, gw_priority: 3, interface_name: eth7 }
    volumes:
      - { type: image, source: x, target: /x, image: { subpath: in } }
      - { type: volume, source: v, target: /v, volume: { subpath: s, labels: { a: b } } }
      - { type: bind, source: /a, target: /a, read_only: true, bind: { propagation: rslave, recursive: readonly } }
      - { type: bind, source: /z, target: /z, bind: { selinux: Z } }
      - { type: tmpfs, target: /t, tmpfs: { mode: 0755 } }
networks: { n: {} }
volumes: { v: {} }
`;

describe('from the compose file to the body', () => {
  test('the driver has a row for every attribute that the loader hands on, and no other', ({ expect }) => {
    const handed = Object.entries(ATTRIBUTE_USE).flatMap(([name, use]) => (use.container === 'engine' ? [name] : []));
    expect(Object.keys(ENGINE_ATTRIBUTES).toSorted()).toEqual(handed.toSorted());
  });

  test('what is said of ports, connections and mounts arrives', async ({ expect }) => {
    const service = await load(DETAILS);
    const { body } = planCreate(
      {
        id: instanceId('web', 1),
        project: projectName('shop'),
        service,
        index: 1,
        configHash: 'h1',
        mounts: service.mounts.map((spec) => ({
          spec,
          ...(spec.type === 'volume' ? { engineVolume: 'shop_v' } : {}),
        })),
        networks: [{ key: 'n', name: 'shop_n', external: false, internal: false, driverOpts: {}, labels: {} }],
        workingDir: '/srv',
        configFiles: [],
        logs: new LogCollector(),
      },
      true,
    );
    expect(body).toMatchObject({
      NetworkingConfig: {
        EndpointsConfig: {
          shop_n: {
            IPAMConfig: { IPv6Address: '2001:db8::2' },
            MacAddress: '02:42:ac:11:65:43',
            DriverOpts: { a: '1', 'com.docker.network.endpoint.ifname': 'eth7' },
            GwPriority: 3,
          },
        },
      },
      HostConfig: {
        PortBindings: { '80/tcp': [{ HostPort: '80-90' }], '1/sctp': [{ HostPort: '1' }] },
        Binds: ['/z:/z:rw,Z'],
        Tmpfs: { '/t': 'mode=755' },
        Mounts: [
          { Type: 'image', Source: 'x', Target: '/x', ImageOptions: { Subpath: 'in' } },
          { Type: 'volume', Source: 'shop_v', Target: '/v', VolumeOptions: { Labels: { a: 'b' }, Subpath: 's' } },
          { Type: 'bind', Source: '/a', BindOptions: { Propagation: 'rslave', ReadOnlyForceRecursive: true } },
        ],
      },
    });
  });

  test.for([
    ['1.41', 'services.web.volumes[0]: type: image needs a Docker Engine with API 1.48; this one has 1.41'],
    ['1.48', 'services.web.networks.n: interface_name needs a Docker Engine with API 1.49; this one has 1.48'],
    ['1.49', undefined],
  ] as const)('an Engine with API %s: %s', async ([apiVersion, message], { expect }) => {
    const service = await load(DETAILS);
    const minor = (version: string): number => Number(version.split('.')[1]);
    const engine = { apiVersion, supports: (version: string) => minor(apiVersion) >= minor(version) };
    const check = (): void => requireApi(engine, service);
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(message);
  });

  test('every attribute arrives', async ({ expect }) => {
    const service = await load(FILE);
    expect(Object.keys(service.engine).toSorted()).toEqual(Object.keys(ENGINE_ATTRIBUTES).toSorted());
    const { body } = planCreate(
      {
        id: instanceId('web', 1),
        project: projectName('shop'),
        service,
        index: 1,
        configHash: 'h1',
        mounts: [],
        networks: [
          { key: 'default', name: 'shop_default', external: false, internal: false, driverOpts: {}, labels: {} },
        ],
        workingDir: '/srv',
        configFiles: [],
        logs: new LogCollector(),
      },
      false,
    );
    const { Labels: _labels, ...rest } = body;
    expect(rest).toMatchInlineSnapshot(`
      {
        "Domainname": "example.com",
        "Env": [],
        "ExposedPorts": {},
        "HostConfig": {
          "Annotations": {
            "com.example.a": "b",
          },
          "BlkioDeviceReadBps": [
            {
              "Path": "/dev/sdb",
              "Rate": 12582912,
            },
          ],
          "BlkioDeviceWriteIOps": [
            {
              "Path": "/dev/sdb",
              "Rate": 30,
            },
          ],
          "BlkioWeight": 300,
          "BlkioWeightDevice": [
            {
              "Path": "/dev/sda",
              "Weight": 400,
            },
          ],
          "CapAdd": [
            "ALL",
          ],
          "CapDrop": [
            "NET_ADMIN",
          ],
          "CgroupParent": "m-executor",
          "CgroupnsMode": "private",
          "CpuCount": 2,
          "CpuPercent": 50,
          "CpuPeriod": 100000,
          "CpuQuota": 50000,
          "CpuRealtimePeriod": 1400,
          "CpuRealtimeRuntime": 950,
          "CpuShares": 73,
          "CpusetCpus": "0,1",
          "DeviceCgroupRules": [
            "c 1:3 mr",
          ],
          "DeviceRequests": [
            {
              "Capabilities": [
                [
                  "gpu",
                ],
              ],
              "Count": -1,
            },
          ],
          "Devices": [
            {
              "CgroupPermissions": "r",
              "PathInContainer": "/dev/nothing",
              "PathOnHost": "/dev/null",
            },
          ],
          "Dns": [
            "8.8.8.8",
          ],
          "DnsOptions": [
            "use-vc",
          ],
          "DnsSearch": [
            "example.com",
          ],
          "ExtraHosts": [],
          "GroupAdd": [
            "mail",
            "1001",
          ],
          "Init": true,
          "IpcMode": "host",
          "Isolation": "default",
          "LogConfig": {
            "Config": {
              "max-file": "3",
              "max-size": "10m",
            },
            "Type": "json-file",
          },
          "MemoryReservation": 67108864,
          "MemorySwap": 1073741824,
          "MemorySwappiness": 10,
          "Mounts": [],
          "NanoCpus": 500000000,
          "NetworkMode": "shop_default",
          "OomKillDisable": true,
          "OomScoreAdj": -500,
          "PidMode": "host",
          "PidsLimit": 100,
          "PortBindings": {},
          "Privileged": true,
          "ReadonlyRootfs": true,
          "RestartPolicy": {
            "Name": "no",
          },
          "Runtime": "runc",
          "SecurityOpt": [
            "label=user:USER",
            "no-new-privileges=true",
          ],
          "ShmSize": 67108864,
          "StorageOpt": {
            "size": "1G",
          },
          "Sysctls": {
            "net.core.somaxconn": "1024",
          },
          "Tmpfs": {
            "/run": "size=64m",
          },
          "UTSMode": "host",
          "Ulimits": [
            {
              "Hard": 200,
              "Name": "nofile",
              "Soft": 100,
            },
            {
              "Hard": 65535,
              "Name": "nproc",
              "Soft": 65535,
            },
          ],
          "UsernsMode": "host",
          "VolumesFrom": [
            "db:ro",
          ],
        },
        "Hostname": "here",
        "Image": "web",
        "MacAddress": "02:42:ac:11:65:43",
        "NetworkingConfig": {
          "EndpointsConfig": {
            "shop_default": {
              "Aliases": [
                "web",
                "shop-web-1",
              ],
              "Links": [
                "other:outside",
                "db:database",
              ],
            },
          },
        },
        "OpenStdin": true,
        "StopTimeout": 10,
        "Tty": true,
      }
    `);
  });

  test('limits of deploy are limits of the container', async ({ expect }) => {
    const service = await load(`
services:
  web:
    image: web
    deploy:
      resources:
        limits: { cpus: '0.25', memory: 50M, pids: 7 }
        reservations:
          memory: 20M
          devices: [{ capabilities: [gpu], count: 1 }]
`);
    const request = {
      id: instanceId('web', 1),
      project: projectName('shop'),
      service,
      index: 1,
      configHash: 'h1',
      mounts: [],
      networks: [],
      workingDir: '/srv',
      configFiles: [],
      logs: new LogCollector(),
    };
    expect(planCreate(request, false).body['HostConfig']).toMatchObject({
      NanoCpus: 250_000_000,
      Memory: 50 * 1024 * 1024,
      MemoryReservation: 20 * 1024 * 1024,
      PidsLimit: 7,
      DeviceRequests: [{ Count: 1, Capabilities: [['gpu']] }],
    });
  });
});
