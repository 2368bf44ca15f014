import type { GuestBuffers } from './guest-memory.ts';

/**
 * One open thing in a guest's descriptor table: a file, a directory, a stream, a socket.
 * A call returns a count >= 0, or a negated WASI errno (`-Errno.AGAIN`): an expected outcome is no exception,
 * and poll-driven guests see EAGAIN on every turn. A promise suspends the guest (JSPI); it is rejected with
 * GuestStopped when the instance is being stopped. Never keep a view of guest memory across a suspension:
 * `GuestBuffers` derives its views anew at each call.
 */
export interface Descriptor {
  readonly filetype: Filetype;
  /** __WASI_FDFLAGS_*; `fd_fdstat_set_flags` writes it, NONBLOCK included. */
  fdflags: number;
  rights: bigint;
  inheriting: bigint;
  /** The path a directory is preopened at; undefined for everything else. */
  readonly preopenPath?: string | undefined;
  read?(into: GuestBuffers): number | Promise<number>;
  write?(from: GuestBuffers): number | Promise<number>;
  /** For poll_oneoff. A descriptor without it is always ready. */
  readiness?(): Readiness;
  /** Frees what it holds. Called once. */
  close(): void;
}

export interface Readiness {
  /** Bytes (or connections) that a read would find; -1 when a read would wait. */
  readonly readable: number;
  /** Bytes that a write would take; -1 when a write would wait. */
  readonly writable: number;
  readonly hangup: boolean;
}

/** __wasi_filetype_t */
export const Filetype = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_DGRAM: 5,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;
export type Filetype = (typeof Filetype)[keyof typeof Filetype];

/** __wasi_fdflags_t */
export const Fdflags = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 } as const;
