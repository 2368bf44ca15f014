import type { ProjectName } from '../../src/model/ids.ts';
import type { NetworkSpec, Service, ServiceCommon } from '../../src/model/project.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import type { CollectedLine, LogCollector } from '../fake/log-collector.ts';

/**
 * What a contract test needs its instances to do, without saying how: a guest of ours does it as a Wasm module, a
 * shell in a container, a function in the fake.
 */
export type Program =
  /** Ends at once. */
  | { readonly does: 'exit'; readonly code: number }
  /** Waits in a call, for ever. Does not care for SIGTERM. */
  | { readonly does: 'wait' }
  /** Computes for ever and makes no call. */
  | { readonly does: 'spin' }
  /** Prints the lines, in order, each to its stream, and ends with 0. */
  | { readonly does: 'print'; readonly lines: readonly CollectedLine[] }
  /** Prints `line 0` to `line <count - 1>` to stdout and ends with 0. */
  | { readonly does: 'count'; readonly count: number }
  /** Prints each of its arguments on a line of stdout and ends with 0. */
  | { readonly does: 'print-args'; readonly args: readonly string[] }
  /** Prints `NAME=value` for each of the names that is set, on a line of stdout, and ends with 0. */
  | { readonly does: 'print-env'; readonly names: readonly string[] }
  /** Appends `text` and a newline to the file; ends with 0, or with 1 when the file cannot be written. */
  | { readonly does: 'append'; readonly path: string; readonly text: string }
  /** Prints the file to stdout; ends with 0, or with 1 when the file cannot be read. */
  | { readonly does: 'read'; readonly path: string };

/** A driver with its surroundings, as the contract suite uses it. Disposing removes all that was made. */
export interface Subject<S extends Service = Service> extends AsyncDisposable {
  readonly runtime: Runtime<S>;
  /** Instances are created in this project; `otherProject` is one that must not be mixed up with it. */
  readonly project: ProjectName;
  readonly otherProject: ProjectName;
  /** What `CreateRequest.networks` holds for a service on one network. */
  readonly networks: readonly NetworkSpec[];
  /** A service that does this; `common` overrides what it says of restart, environment, mounts and so on. */
  service(name: string, program: Program, common?: Partial<ServiceCommon>): S;
  /** What an instance that has ended printed, oldest first, each line with its stream. */
  lines(handle: string, logs: LogCollector): Promise<readonly CollectedLine[]>;
}
