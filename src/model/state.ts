import type { InstanceId } from './ids.ts';

/** Life of one instance, the same for a container and a Wasm module. Times are epoch milliseconds. */
export type InstanceState =
  | { readonly at: 'created' }
  | { readonly at: 'running'; readonly health: Health; readonly since: number; readonly paused?: boolean | undefined }
  | { readonly at: 'stopping'; readonly since: number }
  | { readonly at: 'exited'; readonly exit: ExitStatus; readonly since: number }
  /** Ended and about to be started again by its restart policy. */
  | { readonly at: 'backoff'; readonly attempt: number; readonly until: number; readonly exit: ExitStatus };

export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** An exit is a value, never an exception. */
export type ExitStatus =
  | { readonly how: 'code'; readonly code: number }
  /** A Wasm trap; shown with exit code 134 as a native program that aborts. */
  | { readonly how: 'trap'; readonly message: string; readonly backtrace: readonly string[] }
  /** Ended by force; exit code 137. */
  | { readonly how: 'killed' }
  /** The process that owned it is gone. */
  | { readonly how: 'lost'; readonly reason: string };

/** The number that `ps`, `wait` and `exited with code` show. */
export function exitCode(exit: ExitStatus): number {
  switch (exit.how) {
    case 'code':
      return exit.code;
    case 'trap':
      return 134;
    case 'killed':
    case 'lost':
      return 137;
  }
}

/** Runs, or will again: what `ps` shows without `--all`. */
export function isUp(instance: ObservedInstance): boolean {
  const { at } = instance.state;
  return at === 'running' || at === 'backoff' || at === 'stopping';
}

/** Where a published or internal port can be dialled. */
export interface PublishedPort {
  readonly hostIp: string;
  readonly published: number;
  readonly target: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
}

export interface ObservedInstance {
  readonly id: InstanceId;
  readonly service: string;
  readonly index: number;
  readonly kind: 'container' | 'wasm';
  /** What the driver knows it by: a container id, or the instance id of a Wasm instance. */
  readonly handle: string;
  /** The container's name, or `<project>-<service>-<n>`. */
  readonly name: string;
  readonly image: string;
  readonly configHash: string;
  readonly state: InstanceState;
  readonly ports: readonly PublishedPort[];
  /** network key -> IPv4 address; empty where the instance has none. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly restarts: number;
  /** The name of its image stands for another image by now. */
  readonly imageChanged?: boolean | undefined;
  /** Of a container: the Engine's networks that it is on, name -> id. */
  readonly connected?: Readonly<Record<string, string>> | undefined;
  /** Of a container: names of the Engine's volumes that it mounts. */
  readonly mounted?: readonly string[] | undefined;
}

/** A snapshot taken once, before planning; planning makes no further calls. */
export interface Observed {
  readonly instances: readonly ObservedInstance[];
  readonly networks: readonly ObservedResource[];
  readonly volumes: readonly ObservedResource[];
  /** Containers of `run` that have ended, where they matter. */
  readonly oneOffs?: readonly ObservedInstance[] | undefined;
}

export interface ObservedResource {
  readonly key: string;
  readonly name: string;
  /** What the Engine knows it by; empty when it exists only as a host directory. */
  readonly id: string;
  /** What it was made with, by its label; undefined: nobody wrote it down. */
  readonly configHash?: string | undefined;
  /** Of a volume that nobody named: the instance it was made for. */
  readonly instance?: string | undefined;
}
