import type { ExitStatus } from '../../../model/state.ts';
import type { MemoryImport } from '../cap-limits.ts';
import type { FromGuest, ToGuest } from '../messages.ts';
import type { ConnectTarget } from '../net/preconnect.ts';
import type { MountSource } from '../wasi/fs/root.ts';

/*
 * The thread with the HTTP front, in which no guest runs, and a thread that runs guests, one for each request:
 *
 *     front <- ready
 *     front -> run ->          begins unless it was withdrawn, see `claims`
 *     front <- begun                          (of a request whose body streams)
 *     front -> body, body-end, taken, abort   (of a request)
 *     front <- output, read    (of a request)
 *     front <- ended
 *     front -> ping -> pong    it is not computing; what its guests use
 *     front <- ask, log; front -> answer
 *
 * `taken` and `read` count bytes back: neither side has more than a window on its way to the other.
 */
export type ToRunner =
  | {
      readonly type: 'run';
      readonly id: number;
      /** Where in `claims` the id is as long as the request can be withdrawn. */
      readonly slot: number;
      readonly variables: string;
      readonly words: readonly string[];
      /** What has come of the body. */
      readonly body: Uint8Array | undefined;
      /** More of the body comes. */
      readonly isOpen: boolean;
    }
  | { readonly type: 'body'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly type: 'body-end'; readonly id: number }
  | { readonly type: 'taken'; readonly id: number; readonly bytes: number }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'ping' }
  | Extract<ToGuest, { type: 'answer' }>;

export type FromRunner =
  | { readonly type: 'ready' }
  /** From now on the request cannot go to another thread. */
  | { readonly type: 'begun'; readonly id: number }
  | { readonly type: 'output'; readonly id: number; readonly stream: CgiStream; readonly chunk: Uint8Array }
  | { readonly type: 'read'; readonly id: number; readonly bytes: number }
  /** `output`: the last of stdout. */
  | { readonly type: 'ended'; readonly id: number; readonly exit: ExitStatus; readonly output: Uint8Array | undefined }
  | { readonly type: 'pong'; readonly usage: RunnerUsage }
  | { readonly type: 'log'; readonly text: string }
  | Extract<FromGuest, { type: 'ask' }>;

/** What the guests of a thread use together. */
export interface RunnerUsage {
  readonly memoryBytes: number;
  readonly descriptors: number;
}

export type CgiStream = 'stdout' | 'stderr';

/** What one side may have sent that the other has not counted back. */
export const WINDOW = 256 * 1024;
/** Bytes are counted back in steps of this at least, so that small requests cost no message. */
export const STEP = 64 * 1024;

/** What a thread that runs guests is made with. */
export interface RunnerData {
  readonly compileCacheDir: string | undefined;
  readonly module: WebAssembly.Module;
  readonly importedMemory: MemoryImport | undefined;
  /** argv; a search adds to it when it is only the program's name. */
  readonly args: readonly string[];
  /** `NAME=value`, of the compose file. */
  readonly env: readonly string[];
  readonly mounts: readonly MountSource[];
  readonly rootBytes: number;
  readonly descriptorLimit: number | undefined;
  readonly socketDir: string;
  readonly address: string;
  /** Connections that each guest finds open. */
  readonly connect: readonly ConnectTarget[];
  /** Ports that the front serves. */
  readonly ports: readonly number[];
  /** Ids of requests that no thread has begun, by slot; whoever takes one out has it. */
  readonly claims: SharedArrayBuffer;
}

/** What the variables of every request of a service have in common. */
export interface CgiSite {
  readonly hostname: string;
  /** The directory that `/` stands for, without a slash at its end. */
  readonly root: string | undefined;
  /** The site's script below `root`, with a slash before it. */
  readonly script: string | undefined;
  /** Variables that the compose file sets. */
  readonly names: ReadonlySet<string>;
}

/** How a service serves: `x-wasm.cgi`, with every default filled in. */
export interface CgiSettings {
  readonly ports: readonly number[];
  readonly site: CgiSite;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Requests that may wait for their turn. */
  readonly queue: number;
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
}
