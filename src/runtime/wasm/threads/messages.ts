import type { ExitStatus } from '../../../model/state.ts';

/*
 * The thread that has the descriptors, and one that runs the guest's code:
 *
 *     owner -> run ->    thread
 *     owner <- call      (its call block says which)
 *     owner <- ended | failed
 *
 * A thread that has ended waits for the next `run`.
 */
export interface RunThread {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly block: SharedArrayBuffer;
  /** Undefined: the guest's first thread, which runs the program. */
  readonly spawned: SpawnedThread | undefined;
}

/** What `wasi_thread_start` is called with. */
export interface SpawnedThread {
  readonly id: number;
  readonly argument: number;
}

export type FromThread =
  | { readonly type: 'call' }
  /** It returned, or a trap ended it. */
  | { readonly type: 'ended'; readonly trap: Extract<ExitStatus, { how: 'trap' }> | undefined }
  /** The module cannot be run. */
  | { readonly type: 'failed'; readonly reason: string };

/** What a thread is made with. */
export interface ThreadData {
  readonly compileCacheDir: string | undefined;
}

/** The import by which a guest starts a thread. */
export const SPAWN = { module: 'wasi', name: 'thread-spawn' } as const;
/** The export that a thread runs. */
export const THREAD_ENTRY = 'wasi_thread_start';
