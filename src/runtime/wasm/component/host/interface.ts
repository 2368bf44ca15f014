import type { Clock } from '../../wasi/clock.ts';
import type { DescriptorTable } from '../../wasi/descriptor-table.ts';
import type { Directory } from '../../wasi/fs/directory.ts';
import type { InputStream as Stdin } from '../../wasi/stdio.ts';
import type { Waiters } from '../../wasi/waiters.ts';
import type { Network } from '../../net/network.ts';
import type { ResourceType } from '../abi/value-type.ts';

/** What the functions of WASI 0.2 know of the instance that calls them. */
export interface ComponentGuest {
  readonly args: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly workingDir: string | undefined;
  readonly clock: Clock;
  readonly waiters: Waiters;
  /** All that is open of the system has a number here, which counts against the limit and is closed at the end. */
  readonly table: DescriptorTable;
  readonly stdin: Stdin;
  readonly root: Directory;
  readonly network: Network;
  stdout(chunk: Uint8Array): void | Promise<void>;
  stderr(chunk: Uint8Array): void | Promise<void>;
}

/**
 * A function that guests import: gets its parameters as value-type.ts says. What it throws ends the guest; a failure
 * that the guest may hear of is returned.
 */
export type HostFunction = (guest: ComponentGuest, ...args: never[]) => unknown;

export interface HostInterface {
  readonly resources?: Readonly<Record<string, ResourceType>>;
  readonly functions: Readonly<Record<string, HostFunction>>;
  /** The functions that may return a promise, which suspends the guest. */
  readonly blocking?: ReadonlySet<string>;
}

export type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };

export function ok<T>(val: T): { readonly tag: 'ok'; readonly val: T } {
  return { tag: 'ok', val };
}

export const OK: { readonly tag: 'ok'; readonly val: undefined } = ok(undefined);

export function err<E>(val: E): { readonly tag: 'err'; readonly val: E } {
  return { tag: 'err', val };
}

/** A resource of the host. What is dropped is told so, when it wants to be. */
export function resource(name: string): ResourceType {
  return {
    name,
    owner: undefined,
    drop: (rep) => (rep as { drop?(): void }).drop?.(),
  };
}
