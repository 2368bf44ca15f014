import type { Json } from './node.ts';

/**
 * The JSON that docker compose makes of a part of its model before it hashes it: keys in the order in which its
 * structures declare them, no extensions, and `<`, `>` and `&` escaped as Go does. What is below a key that has no
 * shape is printed as it is.
 */
export type Shape =
  | { readonly of: 'struct'; readonly keys: readonly string[]; readonly below: Readonly<Record<string, Shape>> }
  | { readonly of: 'values'; readonly value: Shape };

/**
 * The names are separated by spaces; `name=Name` is printed with another name, and `name!` is true where nothing is
 * said and left out where it is false.
 */
export function struct(names: string, below: Readonly<Record<string, Shape>> = {}): Shape {
  return { of: 'struct', keys: names.split(/\s+/).filter((name) => name !== ''), below };
}

/** A mapping with any keys. */
export function values(value: Shape): Shape {
  return { of: 'values', value };
}

export function composeJson(value: Json, shape: Shape): string {
  return JSON.stringify(arranged(value, shape)).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function arranged(value: Json, shape: Shape | undefined): Json {
  if (shape === undefined || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => arranged(item, shape));
  const record = value as Readonly<Record<string, Json>>;
  if (shape.of === 'values') {
    return Object.fromEntries(Object.entries(record).map(([key, one]) => [key, arranged(one, shape.value)]));
  }
  return Object.fromEntries(
    shape.keys.flatMap((name) => {
      if (name.endsWith('!')) return record[name.slice(0, -1)] === false ? [] : [[name.slice(0, -1), true]];
      const [key = '', printed = key] = name.split('=');
      const found = record[key];
      return found === undefined ? [] : [[printed, arranged(found, shape.below[key])]];
    }),
  );
}

const HOOK = struct('command user privileged working_dir environment');
const FILE_MOUNT = struct('source target uid gid mode');
const DEVICES = struct('capabilities driver count device_ids options');
const RATES = struct('path=Path rate=Rate');
const UPDATE = struct('parallelism delay failure_action monitor max_failure_ratio order');
const RESOURCE = struct('cpus memory pids devices generic_resources', {
  devices: DEVICES,
  generic_resources: struct('discrete_resource_spec', { discrete_resource_spec: struct('kind value') }),
});

export const SERVICE_SHAPE: Shape = struct(
  `profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count cpu_percent
   cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs container_name
   credential_spec depends_on deploy device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint provider
   environment env_file expose external_links extra_hosts group_add gpus hostname healthcheck image init ipc isolation
   labels label_file links logging mem_limit mem_reservation memswap_limit mem_swappiness mac_address models
   network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports privileged pull_policy read_only
   restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls
   tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir post_start pre_stop`,
  {
    develop: struct('watch', {
      watch: struct('path action target exec include ignore initial_sync', { exec: HOOK }),
    }),
    blkio_config: struct('weight weight_device device_read_bps device_read_iops device_write_bps device_write_iops', {
      weight_device: struct('path=Path weight=Weight'),
      device_read_bps: RATES,
      device_read_iops: RATES,
      device_write_bps: RATES,
      device_write_iops: RATES,
    }),
    configs: FILE_MOUNT,
    credential_spec: struct('config file registry'),
    deploy: struct(
      'mode replicas labels update_config rollback_config resources restart_policy placement endpoint_mode',
      {
        update_config: UPDATE,
        rollback_config: UPDATE,
        resources: struct('limits reservations', { limits: RESOURCE, reservations: RESOURCE }),
        restart_policy: struct('condition delay max_attempts window'),
        placement: struct('constraints preferences max_replicas_per_node', { preferences: struct('spread') }),
      },
    ),
    devices: struct('source target permissions'),
    provider: struct('type options'),
    env_file: struct('path required format'),
    gpus: DEVICES,
    healthcheck: struct('test timeout interval retries start_period start_interval disable'),
    logging: struct('driver options'),
    models: values(struct('endpoint_var model_var')),
    networks: values(
      struct(
        `aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority`,
      ),
    ),
    ports: struct('name mode host_ip target published protocol app_protocol'),
    secrets: FILE_MOUNT,
    ulimits: values(struct('single soft hard')),
    volumes: struct('type source target read_only consistency bind volume tmpfs image', {
      bind: struct('selinux propagation create_host_path! recursive'),
      volume: struct('labels nocopy subpath'),
      tmpfs: struct('size mode'),
      image: struct('subpath'),
    }),
    post_start: HOOK,
    pre_stop: HOOK,
  },
);

export const NETWORK_SHAPE: Shape = struct(
  'name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6',
  { ipam: struct('driver config', { config: struct('subnet gateway ip_range aux_addresses') }) },
);

export const VOLUME_SHAPE: Shape = struct('name driver driver_opts external labels');
