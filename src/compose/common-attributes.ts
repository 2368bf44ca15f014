import { child, list, scalar, textOf, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';
import {
  boolean,
  dictOf,
  duration,
  having,
  integer,
  listOf,
  objectOf,
  scalarOf,
  setOf,
  string,
  text,
} from './rules.ts';
import type { DictRule, ExpandContext, ListRule, ObjectRule } from './rules.ts';
import { command, environmentPairs, extraHosts, oneAsList, pairs, textAs } from './short-forms.ts';

/** Attributes that appear at several places of the file. */

/** `a: 1` or `[a=1]`; a name without a value is an empty one. */
export const LABELS: DictRule = dictOf(text, { expand: emptyPairs, nullWins: true });

/** `a: 1` or `[a=1]`; a name without a value takes it from the environment of the caller. */
export const ENVIRONMENT: DictRule = dictOf(having(text, { nullable: true }), {
  expand: environmentPairs,
  nullWins: true,
});

export const OPTIONS: DictRule = dictOf(having(text, { nullable: true }));

export const STRINGS: ListRule = setOf(string);

export const STRING_OR_LIST: ListRule = setOf(string, { expand: oneAsList });

/** An unset variable leaves an empty text behind, which names nothing. */
export const SERVERS: ListRule = setOf(string, { expand: withoutEmpty });

export const COMMAND: ListRule = listOf(string, { expand: command, merge: 'replace', nullable: true, print: 'keep' });

export const EXTRA_HOSTS: ListRule = setOf(string, { expand: extraHosts, sorted: true });

export const ULIMITS: DictRule = dictOf(
  objectOf(
    { single: integer, soft: integer, hard: integer },
    { expand: singleLimit, merge: 'replace', check: bothLimits },
  ),
  { key: /^[a-z]+$/ },
);

export const HOOK: ObjectRule = objectOf(
  {
    command: COMMAND,
    user: string,
    privileged: boolean,
    working_dir: string,
    environment: ENVIRONMENT,
  },
  { required: ['command'], always: { command: null } },
);

export const PRE_START_HOOK: ObjectRule = objectOf(
  { ...HOOK.keys, image: string, per_replica: boolean },
  { always: { command: null } },
);

/** `name`, or where and how a secret or config appears in the service. */
export const FILE_MOUNT: ObjectRule = objectOf(
  {
    source: string,
    target: string,
    uid: string,
    gid: string,
    mode: scalarOf('fileMode', { print: 'keep' }),
  },
  { expand: textAs('source') },
);

/** Configs lie in the root directory, secrets in `/run/secrets`; only the latter is written out. */
export function fileMounts(directory: string): ListRule {
  const inDirectory = (node: MapNode): MapNode => {
    const source = textOf(child(node, 'source'));
    if (directory === '' || source === undefined || child(node, 'target') !== undefined) return node;
    return withKeys(node, { target: scalar(`${directory}/${source}`, node.at) });
  };
  return listOf(having(FILE_MOUNT, { finish: inDirectory }), {
    unique: (item) => textOf(child(item, 'target')) ?? `${directory}/${textOf(child(item, 'source')) ?? ''}`,
  });
}

const deviceKeys = {
  capabilities: STRINGS,
  count: scalarOf('count'),
  device_ids: STRINGS,
  driver: string,
  options: LABELS,
};

/** A request for GPUs or the like. */
export const DEVICE_REQUESTS: ListRule = listOf(
  objectOf(deviceKeys, { required: ['capabilities'], check: countOrIds, finish: allDevices, closed: true }),
);

export const GPUS: ListRule = listOf(objectOf(deviceKeys, { check: countOrIds, finish: allDevices, closed: true }));

const updateConfig = objectOf({
  parallelism: having(integer, { print: 'keep' }),
  delay: duration,
  failure_action: string,
  monitor: duration,
  max_failure_ratio: scalarOf('number'),
  order: scalarOf('string', { oneOf: ['start-first', 'stop-first'] }),
});

const limits = { cpus: scalarOf('number'), memory: scalarOf('size') };

export const DEPLOY: ObjectRule = objectOf(
  {
    mode: string,
    endpoint_mode: string,
    replicas: having(integer, { atLeast: 0, print: 'keep' }),
    labels: LABELS,
    rollback_config: updateConfig,
    update_config: updateConfig,
    resources: objectOf({
      limits: objectOf({ ...limits, pids: integer }),
      reservations: objectOf({
        ...limits,
        generic_resources: listOf(objectOf({ discrete_resource_spec: objectOf({ kind: string, value: integer }) })),
        devices: DEVICE_REQUESTS,
      }),
    }),
    restart_policy: objectOf({ condition: string, delay: duration, max_attempts: integer, window: duration }),
    placement: objectOf({
      constraints: listOf(string),
      preferences: listOf(objectOf({ spread: string })),
      max_replicas_per_node: integer,
    }),
  },
  { nullable: true, always: { resources: {}, placement: {} } },
);

export const DEVELOP: ObjectRule = objectOf(
  {
    watch: listOf(
      objectOf(
        {
          path: having(string, { path: 'file', check: notBlank }),
          action: scalarOf('string', { oneOf: ['rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'] }),
          target: string,
          exec: HOOK,
          include: STRING_OR_LIST,
          ignore: STRING_OR_LIST,
          initial_sync: boolean,
        },
        { required: ['path', 'action'] },
      ),
    ),
  },
  { nullable: true },
);

function emptyPairs(node: Node, context: ExpandContext): Node {
  const found = pairs(node, context);
  if (found.kind !== 'map') return found;
  const entries = [...found.entries].map(
    ([key, entry]) =>
      [
        key,
        entry.value.kind === 'scalar' && entry.value.value === null
          ? { ...entry, value: { ...entry.value, value: '' } }
          : entry,
      ] as const,
  );
  return { ...found, entries: new Map(entries) };
}

function withoutEmpty(node: Node): Node {
  const found = oneAsList(node);
  return found.kind === 'list'
    ? list(
        found.items.filter((item) => textOf(item) !== ''),
        found.at,
      )
    : found;
}

function singleLimit(node: Node): Node {
  if (node.kind !== 'scalar' || node.value === null) return node;
  return { kind: 'map', at: node.at, entries: new Map([['single', { keyAt: node.at, value: node }]]) };
}

function bothLimits(node: Node, context: ExpandContext): void {
  if (child(node, 'single') !== undefined) return;
  for (const key of ['soft', 'hard']) {
    if (child(node, key) === undefined) context.error(node, `missing property "${key}"`);
  }
}

function countOrIds(node: Node, context: ExpandContext): void {
  if (child(node, 'count') !== undefined && child(node, 'device_ids') !== undefined) {
    context.error(node, '"count" and "device_ids" attributes are exclusive');
  }
}

function notBlank(node: Node, context: ExpandContext): void {
  if (textOf(node) === '') context.error(node, "value can't be blank");
}

/** Where a request names neither number nor devices it means all of them. */
function allDevices(node: MapNode): MapNode {
  if (child(node, 'count') !== undefined || child(node, 'device_ids') !== undefined) return node;
  return withKeys(node, { count: scalar(-1, node.at) });
}
