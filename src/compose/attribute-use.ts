/**
 * What the commands that run services make of each attribute of a service. Nothing is ignored silently where that
 * could surprise anybody: an attribute is used, or is of no consequence, or is warned of, or is an error.
 */
export interface AttributeUse {
  readonly container: ContainerUse;
  readonly wasm: WasmUse;
  /** What it means for a Wasm service, or why it is ignored or refused; part of the documentation. */
  readonly note: string;
}

export type ContainerUse =
  /** Converted by the code of to-project.ts and its neighbours. */
  | 'mapped'
  /** Handed to the driver under its compose name. */
  | 'engine'
  /** Used up while loading. */
  | 'loaded'
  /** Means nothing for these commands. */
  | 'ignored'
  | 'warned'
  /** Not supported yet. */
  | 'later';

export type WasmUse =
  /** As for a container. */
  | 'same'
  /** Has a meaning of its own. */
  | 'mapped'
  | 'loaded'
  | 'ignored'
  /** Told once, then ignored. */
  | 'warned'
  /** Ignoring it would be unsafe. */
  | 'refused'
  | 'later';

function use(container: ContainerUse, wasm: WasmUse, note: string): AttributeUse {
  return { container, wasm, note };
}

const NO_CGROUPS = 'there are no control groups around a module';
const NO_USERS = 'WASI has no users; files belong to the user of wcompose';
const NO_NAMESPACES = 'a module shares no namespaces with anything';
const CAPABILITIES = 'a module has no capabilities beyond what it is given';
const OWN_NAMES = 'names are resolved by wcompose, from the networks and extra_hosts';
const CPUS = 'held by a control group for x-wasm.isolation: process; else warned of and ignored';
const OTHERS = 'looked at by other commands';

export const ATTRIBUTE_USE: Readonly<Record<string, AttributeUse>> = {
  annotations: use('engine', 'ignored', 'notes for the container engine'),
  attach: use('mapped', 'same', '`up` follows its logs'),
  blkio_config: use('engine', 'warned', NO_CGROUPS),
  build: use('mapped', 'mapped', 'the image that has the module; not needed where x-wasm names it'),
  cap_add: use('engine', 'warned', CAPABILITIES),
  cap_drop: use('engine', 'warned', CAPABILITIES),
  cgroup: use('engine', 'warned', NO_CGROUPS),
  cgroup_parent: use('engine', 'warned', NO_CGROUPS),
  command: use('mapped', 'mapped', 'arguments of the module; a text is split into words, no shell runs it'),
  configs: use('mapped', 'mapped', 'read-only files, by default /<name>; those with `file` only'),
  container_name: use('mapped', 'same', 'name of the instance'),
  cpu_count: use('engine', 'warned', NO_CGROUPS),
  cpu_percent: use('engine', 'warned', NO_CGROUPS),
  cpu_period: use('engine', 'mapped', 'the period of cpu_quota'),
  cpu_quota: use('engine', 'mapped', CPUS),
  cpu_rt_period: use('engine', 'warned', NO_CGROUPS),
  cpu_rt_runtime: use('engine', 'warned', NO_CGROUPS),
  cpu_shares: use('engine', 'warned', NO_CGROUPS),
  cpus: use('engine', 'mapped', CPUS),
  cpuset: use('engine', 'warned', NO_CGROUPS),
  credential_spec: use('later', 'refused', 'the module would run without the credentials it expects'),
  depends_on: use('mapped', 'same', 'one order for both kinds of service'),
  deploy: use('mapped', 'mapped', 'replicas, restart_policy and limits; the rest is for clusters'),
  develop: use('ignored', 'ignored', OTHERS),
  device_cgroup_rules: use('engine', 'warned', NO_CGROUPS),
  devices: use('engine', 'refused', 'a module cannot open devices'),
  dns: use('engine', 'warned', OWN_NAMES),
  dns_opt: use('engine', 'warned', OWN_NAMES),
  dns_search: use('engine', 'warned', OWN_NAMES),
  domainname: use('engine', 'warned', OWN_NAMES),
  entrypoint: use('mapped', 'mapped', 'arguments of the module, before those of command'),
  env_file: use('loaded', 'loaded', 'read while loading'),
  environment: use('mapped', 'same', 'environment of the module'),
  expose: use('mapped', 'same', 'ports the service listens on'),
  extends: use('loaded', 'loaded', 'carried out while loading'),
  external_links: use('engine', 'later', 'containers outside of the project'),
  extra_hosts: use('mapped', 'same', 'names the module can look up; host-gateway is the host'),
  gpus: use('engine', 'refused', 'a module cannot use GPUs'),
  group_add: use('engine', 'warned', NO_USERS),
  healthcheck: use('mapped', 'mapped', 'times; the test is x-wasm.healthcheck, or curl or wget of a local URL'),
  hostname: use('engine', 'mapped', 'the variable HOSTNAME'),
  image: use('mapped', 'mapped', 'an image of the Engine that has the module; ignored where x-wasm names it'),
  init: use('engine', 'ignored', 'a module has no child processes'),
  ipc: use('engine', 'refused', NO_NAMESPACES),
  isolation: use('engine', 'warned', 'x-wasm.isolation is what modules have'),
  label_file: use('loaded', 'loaded', 'read while loading'),
  labels: use('mapped', 'same', 'labels of the instance'),
  links: use('engine', 'mapped', 'the other service is a dependency; an alias is not supported yet'),
  logging: use('engine', 'warned', 'logs are kept by wcompose'),
  mac_address: use('engine', 'warned', 'a module has no network card'),
  mem_limit: use('mapped', 'same', 'largest memory of the module'),
  mem_reservation: use('engine', 'warned', NO_CGROUPS),
  mem_swappiness: use('engine', 'warned', NO_CGROUPS),
  memswap_limit: use('engine', 'warned', NO_CGROUPS),
  models: use('later', 'later', 'the addresses of models in the environment'),
  network_mode: use('mapped', 'mapped', '`none`: no sockets; the others are not supported yet'),
  networks: use('mapped', 'mapped', 'who reaches whom, and aliases; fixed addresses are for containers'),
  oom_kill_disable: use('engine', 'warned', NO_CGROUPS),
  oom_score_adj: use('engine', 'warned', NO_CGROUPS),
  pid: use('engine', 'refused', NO_NAMESPACES),
  pids_limit: use('engine', 'mapped', 'threads that the module may have at once; default 64'),
  platform: use('mapped', 'mapped', 'wasi/wasm and its relatives make it a Wasm service'),
  ports: use('mapped', 'same', 'ports of the host that lead to the ports the module listens on'),
  post_start: use('later', 'later', 'commands after the start'),
  pre_start: use('later', 'later', 'commands before the start'),
  pre_stop: use('later', 'later', 'commands before the stop'),
  privileged: use('engine', 'refused', 'no module gets more than it is given'),
  profiles: use('loaded', 'loaded', 'used while loading'),
  provider: use('later', 'later', 'another program that manages the service'),
  pull_policy: use('mapped', 'mapped', '`build` builds its image each time; nothing is pulled for a module'),
  pull_refresh_after: use('mapped', 'ignored', 'there is nothing to pull'),
  read_only: use('engine', 'ignored', 'a module writes only to its mounts anyway'),
  restart: use('mapped', 'same', 'a trap and an exit status other than 0 are failures'),
  runtime: use('engine', 'mapped', 'names of Wasm runtimes make it a Wasm service'),
  scale: use('mapped', 'same', 'number of instances'),
  secrets: use('mapped', 'mapped', 'read-only files in /run/secrets; those with `file` only'),
  security_opt: use('engine', 'warned', CAPABILITIES),
  shm_size: use('engine', 'warned', 'a module shares no memory with processes'),
  stdin_open: use('engine', 'same', 'reads of standard input wait; without it, it is empty'),
  stop_grace_period: use('mapped', 'same', 'time between asking it to stop and ending it'),
  stop_signal: use('mapped', 'ignored', 'WASI has no signals; stopping closes what it listens on'),
  storage_opt: use('engine', 'warned', 'a module has no file system of its own'),
  sysctls: use('engine', 'warned', 'a module has no kernel of its own'),
  tmpfs: use('engine', 'mapped', 'directories in memory'),
  tty: use('engine', 'warned', 'no terminal is attached'),
  ulimits: use('engine', 'mapped', '`nofile`: descriptors that may be open at once; the others are warned of'),
  use_api_socket: use('later', 'refused', 'no module gets the socket of the Engine'),
  user: use('mapped', 'warned', NO_USERS),
  userns_mode: use('engine', 'warned', NO_USERS),
  uts: use('engine', 'warned', NO_NAMESPACES),
  volumes: use('mapped', 'same', 'directories that the module can open'),
  volumes_from: use('engine', 'mapped', 'the mounts of the other service'),
  working_dir: use('mapped', 'mapped', 'the variable PWD; relative paths begin there'),
  'x-wasm': use('mapped', 'mapped', 'see schemas/wcompose.json'),
};
