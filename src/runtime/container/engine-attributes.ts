/** The two halves of the Engine's create body. */
export interface BodyParts {
  readonly config: Record<string, unknown>;
  readonly host: Record<string, unknown>;
}

type Place = (value: unknown, parts: BodyParts) => void;

/** Goes to the container's own configuration under this name. */
function config(key: string): Place {
  return (value, parts) => {
    parts.config[key] = value;
  };
}

/** Goes to HostConfig under this name. */
function host(key: string, convert: (value: unknown) => unknown = (value) => value): Place {
  return (value, parts) => {
    parts.host[key] = convert(value);
  };
}

/** compose attribute -> where the Engine wants it. A compose attribute that has no row here is refused by name. */
export const ENGINE_ATTRIBUTES: Readonly<Record<string, Place>> = {
  hostname: config('Hostname'),
  domainname: config('Domainname'),
  tty: config('Tty'),
  stdin_open: config('OpenStdin'),
  mac_address: config('MacAddress'),
  cap_add: host('CapAdd'),
  cap_drop: host('CapDrop'),
  privileged: host('Privileged'),
  init: host('Init'),
  read_only: host('ReadonlyRootfs'),
  security_opt: host('SecurityOpt'),
  shm_size: host('ShmSize'),
  sysctls: host('Sysctls', textValues),
  dns: host('Dns', list),
  dns_search: host('DnsSearch', list),
  dns_opt: host('DnsOptions', list),
  group_add: host('GroupAdd', (value) => list(value).map(String)),
  pid: host('PidMode'),
  ipc: host('IpcMode'),
  userns_mode: host('UsernsMode'),
  cgroup: host('CgroupnsMode'),
  cgroup_parent: host('CgroupParent'),
  oom_kill_disable: host('OomKillDisable'),
  oom_score_adj: host('OomScoreAdj'),
  pids_limit: host('PidsLimit'),
  cpus: host('NanoCpus', (value) => Math.round(Number(value) * 1e9)),
  cpu_shares: host('CpuShares'),
  cpu_quota: host('CpuQuota'),
  cpu_period: host('CpuPeriod'),
  cpuset: host('CpusetCpus'),
  mem_reservation: host('MemoryReservation'),
  memswap_limit: host('MemorySwap'),
  mem_swappiness: host('MemorySwappiness'),
  runtime: host('Runtime'),
  isolation: host('Isolation'),
  annotations: host('Annotations', textValues),
  ulimits: host('Ulimits', ulimits),
  tmpfs: host('Tmpfs', tmpfs),
  devices: host('Devices', (value) => list(value).map(device)),
  logging: host('LogConfig', logging),
};

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function textValues(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(value as object).map(([key, inner]) => [key, String(inner)]));
}

function ulimits(value: unknown): unknown {
  return Object.entries(
    value as Readonly<Record<string, number | { readonly soft: number; readonly hard: number }>>,
  ).map(([name, limit]) =>
    typeof limit === 'number'
      ? { Name: name, Soft: limit, Hard: limit }
      : { Name: name, Soft: limit.soft, Hard: limit.hard },
  );
}

/** `/run` or `/run:size=64m` */
function tmpfs(value: unknown): unknown {
  return Object.fromEntries(
    list(value).map((entry) => {
      const text = String(entry);
      const at = text.indexOf(':');
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** The long form, or `/dev/ttyUSB0:/dev/ttyUSB0:rwm`. */
function device(value: unknown): unknown {
  if (typeof value !== 'string') {
    const { source, target, permissions } = value as { source: string; target?: string; permissions?: string };
    return { PathOnHost: source, PathInContainer: target ?? source, CgroupPermissions: permissions ?? 'rwm' };
  }
  const [source = '', target = source, permissions = 'rwm'] = value.split(':');
  return { PathOnHost: source, PathInContainer: target, CgroupPermissions: permissions };
}

function logging(value: unknown): unknown {
  const { driver, options } = value as { driver?: string; options?: Readonly<Record<string, unknown>> };
  return { Type: driver ?? 'json-file', Config: textValues(options ?? {}) };
}
