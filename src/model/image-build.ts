import type { SourceRef } from './diagnostic.ts';

/** `build:` of a service, every attribute of it. Paths on the host are absolute. */
export interface ImageBuild {
  /** A directory, or what the builder fetches itself: `https://…`, `git@…`, `ssh://…`. */
  readonly context: string;
  /** Relative to the context, or absolute. Undefined: the context's `Dockerfile`, or `dockerfileInline`. */
  readonly dockerfile?: string | undefined;
  readonly dockerfileInline?: string | undefined;
  /** null: named without a value and unset in the caller's environment; the Dockerfile's own default stays. */
  readonly args: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target?: string | undefined;
  readonly network?: string | undefined;
  readonly shmBytes?: number | undefined;
  readonly isolation?: string | undefined;
  /** `host:address`, as the Engine takes them. */
  readonly extraHosts: readonly string[];
  readonly ulimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  /** Names of the result beyond the service's image. */
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
  /** name -> directory, URL, `docker-image://…` or `service:<name>`. */
  readonly additionalContexts: Readonly<Record<string, string>>;
  readonly secrets: readonly BuildSecret[];
  /** `default` or a key's name -> the key's file or agent socket; null: the caller's own agent. */
  readonly ssh: Readonly<Record<string, string | null>>;
  readonly entitlements: readonly string[];
  readonly privileged: boolean;
  readonly provenance?: string | undefined;
  readonly sbom?: string | undefined;
  readonly source: SourceRef;
  /** Attributes that stand in the file, with their places: an error about one of them points at it. */
  readonly places: Readonly<Record<string, SourceRef>>;
}

export interface BuildSecret {
  /** What `RUN --mount=type=secret,id=…` calls it. */
  readonly id: string;
  readonly file?: string | undefined;
  /** Its value comes from this variable of the caller's environment. */
  readonly environment?: string | undefined;
}

/** What the command line says of every build of one command. */
export interface BuildOptions {
  readonly noCache?: boolean | undefined;
  readonly pull?: boolean | undefined;
  /** Beyond those of the file, and before them; null: the Dockerfile's own default. */
  readonly args?: Readonly<Record<string, string | null>> | undefined;
  readonly memoryBytes?: number | undefined;
  readonly ssh?: Readonly<Record<string, string | null>> | undefined;
  readonly builder?: string | undefined;
}

/** The service whose image is another build's context: `service:base`. */
export function contextService(context: string): string | undefined {
  return context.startsWith('service:') ? context.slice('service:'.length) : undefined;
}
