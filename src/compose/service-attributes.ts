import { child, map, scalar, textOf, withKeys } from './node.ts';
import type { Node } from './node.ts';
import {
  COMMAND,
  DEPLOY,
  DEVELOP,
  ENVIRONMENT,
  EXTRA_HOSTS,
  FILE_MOUNT,
  fileMounts,
  GPUS,
  HOOK,
  LABELS,
  OPTIONS,
  PRE_START_HOOK,
  SERVERS,
  STRING_OR_LIST,
  STRINGS,
  ULIMITS,
} from './common-attributes.ts';
import {
  any,
  boolean,
  dictOf,
  duration,
  having,
  integer,
  listOf,
  number,
  objectOf,
  scalarOf,
  setOf,
  size,
  string,
  text,
} from './rules.ts';
import type { ExpandContext, Merge, ObjectRule, ResolvePaths } from './rules.ts';
import { device, gpus, healthTest, namesAsMap, oneAsList, pairs, textAs } from './short-forms.ts';
import { checkPort, portKey, shortPort } from './short-ports.ts';
import { checkVolume, shortVolume } from './short-volumes.ts';
import { X_WASM } from './x-wasm.ts';

const NAME = /^[a-zA-Z0-9._-]+$/;

const keptBoolean = having(boolean, { print: 'keep' });
const rates = listOf(objectOf({ path: string, rate: size }, { closed: true }));

export const BUILD: ObjectRule = objectOf(
  {
    context: having(string, { path: 'context' }),
    dockerfile: string,
    dockerfile_inline: string,
    entitlements: listOf(string),
    args: ENVIRONMENT,
    ssh: dictOf(having(text, { nullable: true, path: 'mount' }), { expand: pairs }),
    labels: LABELS,
    cache_from: having(STRING_OR_LIST, {}),
    cache_to: STRING_OR_LIST,
    no_cache: boolean,
    no_cache_filter: STRING_OR_LIST,
    additional_contexts: dictOf(having(string, { path: 'context' }), { expand: pairs }),
    network: string,
    provenance: text,
    sbom: text,
    pull: boolean,
    target: string,
    shm_size: size,
    extra_hosts: EXTRA_HOSTS,
    isolation: string,
    privileged: boolean,
    secrets: listOf(FILE_MOUNT),
    tags: STRINGS,
    ulimits: ULIMITS,
    platforms: STRINGS,
  },
  { expand: textAs('context') },
);

/** Options of another driver mean nothing to this one. */
const mergeLogging: Merge = (base, over, deep) => {
  const [before, after] = [textOf(child(base, 'driver')), textOf(child(over, 'driver'))];
  return before === undefined || after === undefined || before === after ? deep(base, over) : over;
};

const dependsOn = dictOf(
  objectOf(
    {
      condition: scalarOf('string', {
        oneOf: ['service_started', 'service_healthy', 'service_completed_successfully'],
      }),
      restart: boolean,
      required: keptBoolean,
    },
    { required: ['condition'], defaults: { required: true } },
  ),
  {
    key: NAME,
    expand: namesAsMap(({ at }) => map({ condition: scalar('service_started', at), required: scalar(true, at) }, at)),
  },
);

const ports = listOf(
  objectOf(
    {
      name: string,
      mode: string,
      host_ip: string,
      target: integer,
      published: text,
      protocol: string,
      app_protocol: string,
    },
    { check: checkPort, defaults: { protocol: 'tcp', mode: 'ingress' } },
  ),
  { expandItem: shortPort, unique: portKey },
);

const volumes = listOf(
  objectOf(
    {
      type: scalarOf('string', { oneOf: ['bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'] }),
      source: string,
      target: string,
      read_only: boolean,
      consistency: string,
      bind: objectOf(
        {
          propagation: string,
          create_host_path: having(boolean, { print: 'not true' }),
          recursive: scalarOf('string', { oneOf: ['enabled', 'disabled', 'writable', 'readonly'] }),
          selinux: scalarOf('string', { oneOf: ['z', 'Z'] }),
        },
        { defaults: { create_host_path: true } },
      ),
      volume: objectOf({ labels: LABELS, nocopy: boolean, subpath: string }),
      tmpfs: objectOf({ size: having(size, { atLeast: 0 }), mode: integer }),
      image: objectOf({ subpath: string }),
    },
    { expand: shortVolume, required: ['type'], check: checkVolume, path: bindSource },
  ),
  { unique: (item) => textOf(child(item, 'target')) ?? '' },
);

const networks = dictOf(
  objectOf(
    {
      aliases: STRINGS,
      interface_name: string,
      ipv4_address: string,
      ipv6_address: string,
      link_local_ips: STRINGS,
      mac_address: string,
      driver_opts: OPTIONS,
      priority: integer,
      gw_priority: integer,
    },
    { nullable: true },
  ),
  { key: NAME, expand: namesAsMap(({ at }) => scalar(null, at)) },
);

const healthcheck = objectOf({
  disable: boolean,
  test: listOf(string, { expand: healthTest, merge: 'replace', check: checkHealthTest }),
  interval: duration,
  timeout: duration,
  start_period: duration,
  start_interval: duration,
  retries: having(integer, { atLeast: 0, print: 'keep' }),
});

const envFiles = listOf(
  objectOf(
    { path: having(string, { path: 'file' }), format: string, required: having(boolean, { print: 'not true' }) },
    { expand: textAs('path'), required: ['path'], defaults: { required: true }, closed: true },
  ),
  { expand: oneAsList, unique: (item) => textOf(child(item, 'path')) ?? '' },
);

export const SERVICE: ObjectRule = objectOf(
  {
    annotations: LABELS,
    attach: keptBoolean,
    blkio_config: objectOf(
      {
        device_read_bps: rates,
        device_read_iops: rates,
        device_write_bps: rates,
        device_write_iops: rates,
        weight: integer,
        weight_device: listOf(objectOf({ path: string, weight: integer }, { closed: true })),
      },
      { closed: true },
    ),
    build: BUILD,
    cap_add: STRINGS,
    cap_drop: STRINGS,
    cgroup: scalarOf('string', { oneOf: ['host', 'private'] }),
    cgroup_parent: string,
    command: COMMAND,
    configs: fileMounts(''),
    container_name: having(string, { pattern: /[a-zA-Z0-9][a-zA-Z0-9_.-]+/ }),
    cpu_count: having(integer, { atLeast: 0 }),
    cpu_percent: having(number, { atLeast: 0, atMost: 100 }),
    cpu_period: integer,
    cpu_quota: integer,
    cpu_rt_period: integer,
    cpu_rt_runtime: integer,
    cpu_shares: integer,
    cpus: number,
    cpuset: string,
    credential_spec: objectOf({ config: string, file: string, registry: string }),
    depends_on: dependsOn,
    deploy: DEPLOY,
    develop: DEVELOP,
    device_cgroup_rules: STRINGS,
    devices: listOf(
      objectOf({ source: string, target: string, permissions: string }, { expand: device, required: ['source'] }),
      { unique: (item) => textOf(child(item, 'target')) ?? textOf(child(item, 'source')) ?? '' },
    ),
    dns: SERVERS,
    dns_opt: STRINGS,
    dns_search: SERVERS,
    domainname: string,
    entrypoint: COMMAND,
    env_file: envFiles,
    environment: ENVIRONMENT,
    expose: setOf(text),
    extends: objectOf(
      { service: string, file: string },
      { expand: textAs('service'), required: ['service'], closed: true },
    ),
    external_links: STRINGS,
    extra_hosts: EXTRA_HOSTS,
    gpus: having(GPUS, { expand: gpus }),
    group_add: setOf(text),
    healthcheck,
    hostname: string,
    image: string,
    init: keptBoolean,
    ipc: string,
    isolation: string,
    label_file: STRING_OR_LIST,
    labels: LABELS,
    links: STRINGS,
    logging: objectOf({ driver: string, options: OPTIONS }, { merge: mergeLogging }),
    mac_address: string,
    mem_limit: size,
    mem_reservation: size,
    mem_swappiness: size,
    memswap_limit: size,
    models: dictOf(objectOf({ endpoint_var: string, model_var: string }, { nullable: true }), {
      key: NAME,
      expand: namesAsMap(({ at }) => scalar(null, at)),
    }),
    network_mode: string,
    networks,
    oom_kill_disable: boolean,
    oom_score_adj: having(integer, { atLeast: -1000, atMost: 1000 }),
    pid: having(string, { nullable: true }),
    pids_limit: integer,
    platform: string,
    ports,
    post_start: listOf(HOOK),
    pre_start: listOf(PRE_START_HOOK),
    pre_stop: listOf(HOOK),
    privileged: boolean,
    profiles: STRINGS,
    provider: objectOf({ type: string, options: dictOf(any) }, { required: ['type'] }),
    pull_policy: having(string, {
      pattern: /^(?:always|never|build|if_not_present|missing|refresh|daily|weekly|every_(?:\d+[wdhms])+)$/,
    }),
    pull_refresh_after: string,
    read_only: boolean,
    restart: string,
    runtime: string,
    scale: having(integer, { atLeast: 0, print: 'keep' }),
    secrets: fileMounts('/run/secrets'),
    security_opt: STRINGS,
    shm_size: size,
    stdin_open: boolean,
    stop_grace_period: duration,
    stop_signal: string,
    storage_opt: dictOf(text),
    sysctls: LABELS,
    tmpfs: STRING_OR_LIST,
    tty: boolean,
    ulimits: ULIMITS,
    use_api_socket: boolean,
    user: string,
    userns_mode: string,
    uts: string,
    volumes,
    volumes_from: STRINGS,
    working_dir: string,
    'x-wasm': X_WASM,
  },
  { always: { command: null, entrypoint: null } },
);

function bindSource(node: Node, complete: Parameters<ResolvePaths>[1]): Node {
  const source = textOf(child(node, 'source'));
  if (node.kind !== 'map' || source === undefined || textOf(child(node, 'type')) !== 'bind') return node;
  return withKeys(node, { source: scalar(complete(source, 'mount'), node.at) });
}

function checkHealthTest(node: Node, context: ExpandContext): void {
  const first = node.kind === 'list' ? textOf(node.items[0]) : undefined;
  if (first === undefined || context.raw) return;
  if (!['CMD', 'CMD-SHELL', 'NONE'].includes(first)) {
    context.error(node, 'must start either by "CMD", "CMD-SHELL" or "NONE"');
  }
}
