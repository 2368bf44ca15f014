import { createHash } from 'node:crypto';

import { serviceName } from '../model/ids.ts';
import type { ServiceConfig } from '../model/project.ts';
import { NETWORK, VOLUME } from './attributes.ts';
import { composeJson, NETWORK_SHAPE, SERVICE_SHAPE, VOLUME_SHAPE } from './compose-json.ts';
import type { Json, Node } from './node.ts';
import { child, scalar, textOf, withKeys } from './node.ts';
import { printable } from './printable.ts';
import { SERVICE } from './service-attributes.ts';

type JsonObject = Readonly<Record<string, Json>>;

/**
 * What docker compose prints for `config --hash`: the service as the file has it, with everything for which its
 * instances would have to be made anew. How many there are, and in which order they start, does not count.
 */
export function serviceHash(service: Node): string {
  return sha256(composeJson(counted(service), SERVICE_SHAPE));
}

/** What docker compose labels the containers of the service with. `publish`: our own key that moves its ports. */
export function serviceConfig(service: Node, publish: Node | undefined): ServiceConfig {
  const found = new Set<string>();
  const containerOf = (name: string): string => {
    found.add(name);
    return `${MARK}${name}${MARK}`;
  };
  const text = composeJson(withContainers(counted(service), containerOf), SERVICE_SHAPE) + (textOf(publish) ?? '');
  if (found.size === 0) return { hash: sha256(text) };
  const pieces = text.split(JSON.stringify(MARK).slice(1, -1));
  return { parts: pieces.map((piece, at) => (at % 2 === 0 ? piece : { containerOf: serviceName(piece) })) };
}

/** The same of a network. */
export function networkHash(network: Node): string {
  return sha256(composeJson(printable(network, NETWORK, { full: true }), NETWORK_SHAPE));
}

/** The same of a volume; no driver means the local one. */
export function volumeHash(volume: Node): string {
  const whole =
    volume.kind === 'map' && child(volume, 'driver') === undefined
      ? withKeys(volume, { driver: scalar('local', volume.at) })
      : volume;
  return sha256(composeJson(printable(whole, VOLUME, { full: true }), VOLUME_SHAPE));
}

function counted(service: Node): JsonObject {
  if (service.kind !== 'map') return {};
  const deploy = child(service, 'deploy');
  const node = withKeys(service, {
    build: undefined,
    pull_policy: undefined,
    scale: undefined,
    depends_on: undefined,
    profiles: undefined,
    deploy: deploy?.kind === 'map' ? withKeys(deploy, { replicas: undefined }) : deploy,
  });
  const printed = printable(node, SERVICE, { full: true }) as JsonObject;
  const files = printed['env_file'];
  return Array.isArray(files) ? { ...printed, env_file: files.map(envFile) } : printed;
}

/** One that must be there is its path alone. */
function envFile(file: Json): Json {
  const { path = '', required = true } = file as JsonObject;
  return required === true ? path : { required, ...(file as JsonObject) };
}

/** docker compose puts the container of the other service there before it hashes; what follows its name is lost. */
function withContainers(service: JsonObject, containerOf: (name: string) => string): JsonObject {
  const changed: Record<string, Json> = { ...service };
  for (const key of ['network_mode', 'ipc', 'pid']) {
    const value = service[key];
    if (typeof value === 'string' && value.startsWith('service:')) {
      changed[key] = `container:${containerOf(value.slice('service:'.length))}`;
    }
  }
  const from = service['volumes_from'];
  if (Array.isArray(from)) {
    changed['volumes_from'] = from.map((entry) => {
      const [name = '', container = ''] = String(entry).split(':');
      return name === 'container' ? container : containerOf(name);
    });
  }
  return changed;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In no name of a service. */
const MARK = '\u0000';
