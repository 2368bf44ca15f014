import type { ImageBuildRequest } from '../../container-images.ts';

/** Who makes an image. */
export type Builder =
  /** The Engine's own, in one request. */
  | { readonly kind: 'buildkit' | 'classic' }
  /** The program `docker buildx`, because of these attributes. */
  | { readonly kind: 'buildx'; readonly because: readonly string[] };

export interface BuilderFacts {
  /** The Engine has BuildKit built in: Docker for Linux, API 1.39. */
  readonly hasBuildKit: boolean;
  /** Its BuildKit takes `shm_size` and `ulimits`: API 1.42. */
  readonly takesLimits: boolean;
}

/**
 * What BuildKit reads from its client while it works (keys, secrets, more contexts, caches elsewhere) needs a session
 * with it, which is the business of buildx. What only the classic builder can do is left to that one.
 */
export function chooseBuilder(request: ImageBuildRequest, facts: BuilderFacts): Builder {
  const because = Object.entries(NEEDS_SESSION).flatMap(([name, needs]) => (needs(request) ? [name] : []));
  if (because.length > 0) return { kind: 'buildx', because };
  const { build, options } = request;
  const limits = build.shmBytes !== undefined || Object.keys(build.ulimits).length > 0;
  const network = build.network ?? 'default';
  const classic =
    !facts.hasBuildKit ||
    (limits && !facts.takesLimits) ||
    !['default', 'host', 'none'].includes(network) ||
    options.memoryBytes !== undefined;
  return { kind: classic ? 'classic' : 'buildkit' };
}

/** The images of a registry that layers may be taken from: all that the Engine's API knows of caches. */
export function cacheImage(entry: string): string | undefined {
  if (!entry.includes('=')) return entry;
  const fields = new Map(entry.split(',').map((field) => field.split('=', 2) as [string, string]));
  return fields.get('type') === 'registry' ? fields.get('ref') : undefined;
}

const NEEDS_SESSION: Readonly<Record<string, (request: ImageBuildRequest) => boolean>> = {
  secrets: ({ build }) => build.secrets.length > 0,
  ssh: ({ build, options }) => Object.keys({ ...build.ssh, ...options.ssh }).length > 0,
  additional_contexts: ({ build }) => Object.keys(build.additionalContexts).length > 0,
  platforms: ({ platforms }) => platforms.length > 1,
  cache_to: ({ build }) => build.cacheTo.length > 0,
  cache_from: ({ build }) => build.cacheFrom.some((entry) => cacheImage(entry) === undefined),
  no_cache_filter: ({ build }) => build.noCacheFilter.length > 0,
  entitlements: ({ build }) => build.entitlements.length > 0,
  privileged: ({ build }) => build.privileged,
  provenance: ({ build }) => build.provenance !== undefined && build.provenance !== 'false',
  sbom: ({ build }) => build.sbom !== undefined && build.sbom !== 'false',
  builder: ({ options }) => options.builder !== undefined,
};
