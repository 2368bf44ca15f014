import type { ExitStatus } from '../../model/state.ts';
import type { Turns } from './messages.ts';
import type { Connection } from './net/connection.ts';
import type { Network } from './net/network.ts';
import type { RingWriter } from './output-ring.ts';
import type { InputStream } from './wasi/stdio.ts';
import type { Uplink } from './uplink.ts';

/** A guest that is about to run. */
export interface RunningGuest {
  readonly network: Network;
  readonly stdin: InputStream;
  /** What it has of linear memory. */
  readonly memoryBytes: number;
  /** How many descriptors are open. */
  readonly descriptors: number;
  /** CPU time of the threads that run its code, where that is not the thread that it is told in. */
  threadsMs?(): Promise<number>;
  /** Listens on a port before it runs; resolves with an errno. */
  listen(port: number): Promise<number>;
  /** Has an open connection under this number when it runs. */
  hold(fd: number, connection: Connection): void;
  /** Resolves with how it ended. */
  run(): Promise<ExitStatus>;
  /** Waits until nobody waits for an answer of it, or the signal is aborted. */
  drain(signal: AbortSignal): Promise<void>;
  /** Ends it in the call that it waits in, or at its next one. */
  stop(): void;
}

export interface GuestTies {
  readonly output: RingWriter;
  readonly uplink: Uplink;
  /** Where it notes that it lets others have a turn, in a thread that it shares. */
  readonly turns: Turns | undefined;
}
