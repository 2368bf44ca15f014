import type { NetworkSpec, ServiceConfig, VolumeSpec, WasmService } from '../model/project.ts';

/**
 * The text whose hash decides whether a Wasm instance must be re-created: the resolved service without what
 * can change under a running instance (docker compose leaves out the same: scale, depends_on, build),
 * without source positions, and with keys in order, so that formatting and key order never re-create anything.
 */
export function configHashText(
  service: WasmService,
  volumes: Readonly<Record<string, VolumeSpec>>,
  networks: Readonly<Record<string, NetworkSpec>>,
  moduleDigest: string | undefined,
): string {
  const { replicas: _replicas, dependsOn: _dependsOn, source: _source, ...rest } = service;
  const body = { ...rest, pullPolicy: undefined, build: undefined, imageBuild: undefined };
  const volumeNames = service.mounts
    .filter((mount) => mount.type === 'volume' && mount.source !== '')
    .map((mount) => volumes[mount.source]?.name ?? mount.source);
  const networkNames = service.networks.map((network) => networks[network.network]?.name ?? network.network);
  return canonicalJson({ ...body, moduleDigest, volumeNames, networkNames });
}

/**
 * The text whose hash a container is labelled with, where it holds the ids of other containers; `containerOf` finds
 * them. One that is not there yet leaves a text that no container was made with.
 */
export function containerConfigText(
  parts: Extract<ServiceConfig, { parts: unknown }>['parts'],
  containerOf: (service: string) => string | undefined,
): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : (containerOf(part.containerOf) ?? part.containerOf)))
    .join('');
}

/** JSON with sorted keys, without undefined values and source positions. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    if (isSourceRef(inner)) return undefined;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Where a value stands in the file is no part of what it says. */
function isSourceRef(value: object): boolean {
  return 'file' in value && 'line' in value && 'column' in value && 'path' in value;
}
