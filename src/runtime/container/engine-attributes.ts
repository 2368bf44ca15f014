import { parseBytes, parseMicroseconds } from './quantity.ts';

/** Parts of the Engine's create body. */
export interface BodyParts {
  readonly config: Record<string, unknown>;
  readonly host: Record<string, unknown>;
  /** Of the container's connection to a network. */
  readonly endpoint: Record<string, unknown>;
}

export interface AttributeRow {
  readonly part: keyof BodyParts;
  /** What the attribute adds to its part; undefined when the value is of no use. */
  readonly entries: (value: unknown) => Readonly<Record<string, unknown>> | undefined;
}

type Convert = (value: unknown) => unknown;

/**
 * compose attribute -> where the Engine wants it. Values are canonical: sizes and times are numbers or their text.
 * A compose attribute that has no row here is refused by name.
 */
export const ENGINE_ATTRIBUTES: Readonly<Record<string, AttributeRow>> = {
  annotations: host('Annotations', textValues),
  blkio_config: { part: 'host', entries: blockIo },
  cap_add: host('CapAdd', texts),
  cap_drop: host('CapDrop', texts),
  cgroup: host('CgroupnsMode', text),
  cgroup_parent: host('CgroupParent', text),
  cpu_count: host('CpuCount', number),
  cpu_percent: host('CpuPercent', number),
  cpu_period: host('CpuPeriod', parseMicroseconds),
  cpu_quota: host('CpuQuota', parseMicroseconds),
  cpu_rt_period: host('CpuRealtimePeriod', parseMicroseconds),
  cpu_rt_runtime: host('CpuRealtimeRuntime', parseMicroseconds),
  cpu_shares: host('CpuShares', number),
  cpus: host('NanoCpus', nanoCpus),
  cpuset: host('CpusetCpus', text),
  device_cgroup_rules: host('DeviceCgroupRules', texts),
  devices: host('Devices', each(device)),
  dns: host('Dns', texts),
  dns_opt: host('DnsOptions', texts),
  dns_search: host('DnsSearch', texts),
  domainname: config('Domainname', text),
  external_links: endpoint('Links', texts),
  gpus: host('DeviceRequests', gpus),
  group_add: host('GroupAdd', texts),
  hostname: config('Hostname', text),
  init: host('Init', flag),
  ipc: host('IpcMode', text),
  isolation: host('Isolation', text),
  links: endpoint('Links', texts),
  logging: host('LogConfig', logging),
  mac_address: endpoint('MacAddress', text),
  mem_reservation: host('MemoryReservation', parseBytes),
  mem_swappiness: host('MemorySwappiness', number),
  memswap_limit: host('MemorySwap', parseBytes),
  oom_kill_disable: host('OomKillDisable', flag),
  oom_score_adj: host('OomScoreAdj', number),
  pid: host('PidMode', text),
  pids_limit: host('PidsLimit', number),
  privileged: host('Privileged', flag),
  read_only: host('ReadonlyRootfs', flag),
  runtime: host('Runtime', text),
  security_opt: host('SecurityOpt', each(securityOption)),
  shm_size: host('ShmSize', parseBytes),
  stdin_open: config('OpenStdin', flag),
  storage_opt: host('StorageOpt', textValues),
  sysctls: host('Sysctls', textValues),
  tmpfs: host('Tmpfs', tmpfs),
  tty: config('Tty', flag),
  ulimits: host('Ulimits', ulimits),
  userns_mode: host('UsernsMode', text),
  uts: host('UTSMode', text),
  volumes_from: host('VolumesFrom', texts),
};

function config(key: string, convert: Convert): AttributeRow {
  return row('config', key, convert);
}

function host(key: string, convert: Convert): AttributeRow {
  return row('host', key, convert);
}

function endpoint(key: string, convert: Convert): AttributeRow {
  return row('endpoint', key, convert);
}

function row(part: keyof BodyParts, key: string, convert: Convert): AttributeRow {
  return {
    part,
    entries: (value) => {
      const converted = convert(value);
      return converted === undefined ? undefined : { [key]: converted };
    },
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function flag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

function number(value: unknown): number | undefined {
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof found === 'number' && !Number.isNaN(found) ? found : undefined;
}

/** Converts each of a list, or the one value that stands for a list of one; undefined when one of them is of no use. */
function each(convert: Convert): Convert {
  return (value) => {
    const all = (Array.isArray(value) ? value : [value]).map(convert);
    return all.includes(undefined) ? undefined : all;
  };
}

function texts(value: unknown): unknown {
  return each(text)(value);
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function textValues(value: unknown): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(record(value) ?? { '': {} }).map(([key, inner]) => [key, plainText(inner)]);
  return entries.some(([, inner]) => inner === undefined) ? undefined : Object.fromEntries(entries);
}

/** Without a value it is empty. */
function plainText(value: unknown): string | undefined {
  return value === null ? '' : typeof value === 'boolean' ? String(value) : text(value);
}

function nanoCpus(value: unknown): number | undefined {
  const cpus = number(value);
  return cpus === undefined ? undefined : Math.round(cpus * 1e9);
}

/** `label:disable` is the older form of `label=disable`, the only one the Engine takes. */
function securityOption(value: unknown): string | undefined {
  return text(value)?.replace(/^(label|seccomp|apparmor|no-new-privileges|systempaths):/, '$1=');
}

/** `nofile: 1024`, or `nofile: { soft: 1024, hard: 2048 }` */
function ulimits(value: unknown): unknown {
  const limits = Object.entries(record(value) ?? {}).map(([Name, limit]) => {
    const both = record(limit) ?? { soft: limit, hard: limit };
    return { Name, Soft: number(both['soft']), Hard: number(both['hard']) };
  });
  return limits.some(({ Soft, Hard }) => Soft === undefined || Hard === undefined) ? undefined : limits;
}

/** `/run` or `/run:size=64m` */
function tmpfs(value: unknown): unknown {
  const paths = each(text)(value) as readonly string[] | undefined;
  return paths && Object.fromEntries(paths.map((path) => [path.split(':', 1)[0], path.replace(/^[^:]*:?/, '')]));
}

/** The long form, or `/dev/ttyUSB0:/dev/ttyUSB0:rwm`. */
function device(value: unknown): unknown {
  const long = record(value);
  const [source, target, permissions] =
    long === undefined ? (text(value) ?? '').split(':') : [long['source'], long['target'], long['permissions']];
  if (typeof source !== 'string' || !source.startsWith('/')) return undefined;
  return { PathOnHost: source, PathInContainer: target ?? source, CgroupPermissions: permissions ?? 'rwm' };
}

/** Without a driver it is the one the Engine is set to. */
function logging(value: unknown): unknown {
  const found = record(value);
  return found && { Type: found['driver'] ?? '', Config: textValues(found['options'] ?? {}) };
}

/** `all`, or a list of requests. */
function gpus(value: unknown): unknown {
  if (value === 'all') return [{ Count: -1, Capabilities: [['gpu']] }];
  return each((one) => {
    const request = record(one);
    const ids = request?.['device_ids'];
    const count = request?.['count'] === 'all' ? -1 : number(request?.['count']);
    const wanted = (request?.['capabilities'] as readonly string[] | undefined) ?? [];
    return (
      request && {
        ...(request['driver'] === undefined ? {} : { Driver: request['driver'] }),
        ...(ids === undefined ? { Count: count ?? -1 } : { DeviceIDs: ids }),
        Capabilities: [[...new Set([...wanted, 'gpu'])]],
        ...(request['options'] === undefined ? {} : { Options: textValues(request['options']) }),
      }
    );
  })(value);
}

function blockIo(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const found = record(value);
  if (found === undefined) return undefined;
  const entries = Object.entries(found).map(([name, inner]): readonly [string, unknown] => {
    if (name === 'weight') return ['BlkioWeight', number(inner)];
    if (name === 'weight_device') return ['BlkioWeightDevice', each(pathAnd('weight', 'Weight', number))(inner)];
    const key = BLOCK_RATES[name];
    return key === undefined ? [name, undefined] : [key, each(pathAnd('rate', 'Rate', parseBytes))(inner)];
  });
  return entries.some(([, converted]) => converted === undefined) ? undefined : Object.fromEntries(entries);
}

function pathAnd(name: string, key: string, convert: Convert): Convert {
  return (value) => {
    const found = record(value);
    const amount = convert(found?.[name]);
    return amount === undefined ? undefined : { Path: found?.['path'], [key]: amount };
  };
}

const BLOCK_RATES: Readonly<Record<string, string>> = {
  device_read_bps: 'BlkioDeviceReadBps',
  device_read_iops: 'BlkioDeviceReadIOps',
  device_write_bps: 'BlkioDeviceWriteBps',
  device_write_iops: 'BlkioDeviceWriteIOps',
};
