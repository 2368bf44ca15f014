import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { WcError } from '../../model/diagnostic.ts';
import type { ContainerService } from '../../model/project.ts';
import type { CreateRequest } from '../runtime.ts';
import { listContainers, plainName } from './containers.ts';
import type { ContainerSummary } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { isInstance, LABEL, projectFilter } from './labels.ts';

/**
 * Puts what the Engine understands in the place of what only a compose file does: `service:db` in network_mode, pid,
 * ipc, uts and volumes_from becomes the container of db, a linked service its container's name, a seccomp profile
 * the text of its file.
 */
export async function resolveReferences(
  engine: Engine,
  request: CreateRequest<ContainerService>,
  signal: AbortSignal,
): Promise<CreateRequest<ContainerService>> {
  const { service } = request;
  const { networkMode, engine: attributes } = service;
  const resolved: Record<string, unknown> = { ...attributes };
  const needed =
    NAMESPACES.some((name) => isServiceReference(attributes[name])) ||
    isServiceReference(networkMode) ||
    attributes['volumes_from'] !== undefined ||
    attributes['links'] !== undefined;
  const peers = needed ? await listContainers(engine, projectFilter(request.project), signal) : [];
  const find = (name: string, attribute: string): ContainerSummary => {
    const [first] = peersOf(name, peers);
    if (first === undefined) throw missing(name, attribute, service);
    return first;
  };
  for (const name of NAMESPACES) {
    const value = attributes[name];
    if (isServiceReference(value)) resolved[name] = `container:${find(value.slice(PREFIX.length), name).Id}`;
  }
  const from = attributes['volumes_from'];
  if (from !== undefined) resolved['volumes_from'] = list(from).map((entry) => volumesFrom(entry, find));
  const links = attributes['links'];
  if (links !== undefined) resolved['links'] = list(links).flatMap((entry) => link(entry, peers, request));
  const security = attributes['security_opt'];
  if (security !== undefined) {
    resolved['security_opt'] = await Promise.all(
      list(security).map(async (option) => await inlineProfile(option, request)),
    );
  }
  return {
    ...request,
    service: {
      ...service,
      engine: resolved,
      networkMode: isServiceReference(networkMode)
        ? `container:${find(networkMode.slice(PREFIX.length), 'network_mode').Id}`
        : networkMode,
    },
  };
}

function isServiceReference(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(PREFIX);
}

function peersOf(name: string, peers: readonly ContainerSummary[]): readonly ContainerSummary[] {
  return peers
    .filter((peer) => isInstance(peer.Labels) && peer.Labels[LABEL.service] === name)
    .toSorted((a, b) => Number(a.Labels[LABEL.number]) - Number(b.Labels[LABEL.number]));
}

function missing(name: string, attribute: string, service: ContainerService): WcError {
  const what = SHARED[attribute] ?? attribute;
  return new WcError(
    'ERR_COMPOSE_INVALID',
    `${service.name}: cannot share ${what} with service ${name}: container missing`,
    {
      source: { ...service.source, path: `services.${service.name}.${attribute}` },
      hint: `wcompose up ${name} makes it`,
    },
  );
}

const SHARED: Readonly<Record<string, string>> = {
  network_mode: 'network namespace',
  ipc: 'IPC namespace',
  pid: 'PID namespace',
  uts: 'UTS namespace',
  cgroup: 'cgroup',
  volumes_from: 'volume',
};

type Find = (name: string, attribute: string) => ContainerSummary;

/** `db`, `db:ro`, `container:other:ro` */
function volumesFrom(entry: string, find: Find): string {
  if (entry.startsWith('container:')) return entry.slice('container:'.length);
  const [name = '', ...mode] = entry.split(':');
  return [find(name, 'volumes_from').Id, ...mode].join(':');
}

/** `db` or `db:database`: every container of the service, by all names that it has there; none where it has none. */
function link(
  entry: string,
  peers: readonly ContainerSummary[],
  { project, index }: CreateRequest<ContainerService>,
): readonly string[] {
  const [name = '', alias = name] = entry.split(':');
  return peersOf(name, peers).flatMap(({ Names }) => {
    const container = plainName(Names[0] ?? '');
    return [alias, `${name}-${index}`, `${project}-${name}-${index}`].map((known) => `${container}:${known}`);
  });
}

/** The Engine takes the profile itself, and not where it is. */
async function inlineProfile(option: string, request: CreateRequest<ContainerService>): Promise<string> {
  const [, path] = /^seccomp[=:](.+)$/.exec(option) ?? [];
  if (path === undefined || path === 'unconfined' || path === 'builtin' || path.startsWith('{')) return option;
  const { service } = request;
  try {
    const profile: unknown = JSON.parse(await readFile(resolve(request.workingDir, path), 'utf8'));
    return `seccomp=${JSON.stringify(profile)}`;
  } catch (error) {
    throw new WcError('ERR_COMPOSE_INVALID', `${service.name}: seccomp profile ${path} cannot be read`, {
      source: { ...service.source, path: `services.${service.name}.security_opt` },
      cause: error,
    });
  }
}

function list(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map(String);
}

const PREFIX = 'service:';
const NAMESPACES = ['pid', 'ipc', 'uts', 'cgroup'] as const;
