import type { MessagePort } from 'node:worker_threads';

import type { ConnectVerdict, DatagramDoor, DatagramVerdict, PublishedListener } from '../../net/fabric.ts';
import type { ErrorCode } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { ExitStatus } from '../../model/state.ts';
import type { CgiSettings } from './cgi/messages.ts';
import type { MemoryImport } from './cap-limits.ts';
import type { ComponentRole, PreparedComponent } from './component/prepare.ts';
import type { ConnectTarget } from './net/preconnect.ts';
import type { MountSource } from './wasi/fs/root.ts';

/*
 * Main thread and worker. The worker's own port carries `run`, with a port for that guest alone:
 *
 *     main -> run ->  worker
 *                     publishes ports, then: started | failed
 *     main <- output, listening, ask   (any time)
 *     main -> answer, input, stop ->
 *     main <- ended
 *
 * `output` only says that the ring has something; see output-ring.ts.
 */
export interface RunMessage {
  readonly type: 'run';
  readonly port: MessagePort;
  readonly request: GuestRequest;
  /** Of a thread that several guests share. */
  readonly turns: Turns | undefined;
}

/** Where a thread notes whose turn it is; see watchdog.ts. */
export interface Turns {
  readonly cells: SharedArrayBuffer;
  readonly guest: number;
}

/** What a worker is made with. */
export interface WorkerData {
  /** Where the process keeps compiled code, when it does. */
  readonly compileCacheDir: string | undefined;
  /** It is in a process with permissions: what Node refuses to that, its main thread is asked for. */
  readonly filesAreAsked: boolean;
}

/** All that a worker needs to know of the instance it runs. */
export interface GuestRequest {
  readonly engine: WasmService['engine'];
  /** A thread gets it compiled, a process its bytes. */
  readonly module: WebAssembly.Module | Uint8Array<ArrayBuffer> | PreparedComponent;
  /** What a component is run as. */
  readonly role: ComponentRole | undefined;
  /** An instance of it answers more than one request. */
  readonly keepsInstances: boolean;
  readonly workingDir: string | undefined;
  readonly importedMemory: MemoryImport | undefined;
  /** How many threads the guest may have, when it has any; undefined: the host's own limit. */
  readonly threadLimit: number | undefined;
  readonly args: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly stdinOpen: boolean;
  /** Without `directory` sources, which cannot be posted. */
  readonly mounts: readonly MountSource[];
  /** How much the guest may write to where nothing is mounted. */
  readonly rootBytes: number;
  /** How many descriptors may be open at once; undefined: the host's own limit. */
  readonly descriptorLimit: number | undefined;
  readonly output: SharedArrayBuffer;
  readonly socketDir: string;
  /** The instance's own address. */
  readonly address: string;
  readonly published: readonly PublishedListener[];
  /** Ports on which the guest finds listeners open, in the order of their descriptors. */
  readonly preopened: readonly number[];
  /** The descriptor of the first of them; undefined: after the directories. */
  readonly listenFd: number | undefined;
  /** Connections that the guest finds open. */
  readonly connect: readonly ConnectTarget[];
  /** The guest is run for each request that comes to these ports. */
  readonly cgi: CgiSettings | undefined;
  /** Shutting a connection down both ways also closes it: the guest has no other way. */
  readonly closesByShutdown: boolean;
}

export type ToGuest =
  /** No new connections; ends when nobody waits for an answer any more, at the latest after the grace. */
  | { readonly type: 'stop'; readonly graceMs: number }
  /** Ends in the call that it waits in, or at its next one. */
  | { readonly type: 'kill' }
  /** Is answered by `usage`, when the guest lets the thread. */
  | { readonly type: 'measure'; readonly ask: number }
  /** For the guest's standard input, which is open. */
  | { readonly type: 'input'; readonly bytes: Uint8Array }
  | { readonly type: 'input-end' }
  | { readonly type: 'answer'; readonly ask: number; readonly answer: Answer };

export type FromGuest =
  /** The published ports are bound, and the guest runs. */
  | { readonly type: 'started'; readonly published: readonly PublishedListener[] }
  /** It could not be started. */
  | { readonly type: 'failed'; readonly failure: StartFailure }
  | { readonly type: 'output' }
  | { readonly type: 'listening'; readonly port: number; readonly isPrivate: boolean; readonly listening: boolean }
  /** The guest has a UDP port for other instances, or has it no longer. */
  | { readonly type: 'datagrams'; readonly port: number; readonly door: DatagramDoor | undefined }
  | { readonly type: 'ask'; readonly ask: number; readonly question: Question }
  /** The guest has read so much of its input, or will never read it. */
  | { readonly type: 'input-taken'; readonly bytes: number }
  /** `stop` has arrived: the guest is not computing. */
  | { readonly type: 'stopping' }
  | { readonly type: 'usage'; readonly ask: number; readonly usage: GuestUsage }
  | { readonly type: 'ended'; readonly exit: ExitStatus };

/** What a guest uses, as its host sees it. */
export interface GuestUsage {
  /** Linear memory. */
  readonly memoryBytes: number;
  readonly descriptors: number;
  readonly connections: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** CPU time of threads that the guest's own thread has started. */
  readonly threadsMs?: number;
}

export type Question =
  | { readonly what: 'authorize' | 'authorize-datagram'; readonly address: string; readonly port: number }
  | { readonly what: 'resolve'; readonly name: string };

/** To `authorize` a connection, to `authorize-datagram`, and to `resolve`. */
export type Answer = ConnectVerdict | DatagramVerdict | readonly string[];

export type StartFailure =
  /** A published port cannot be bound; `code` is the system's. */
  | { readonly why: 'port'; readonly listener: PublishedListener; readonly code: string }
  /** A connection that it is to find open cannot be made. */
  | { readonly why: 'connection'; readonly host: string; readonly port: number; readonly message: string }
  /** What the file asks for cannot be had. */
  | { readonly why: 'service'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }
  | { readonly why: 'host'; readonly message: string; readonly stack: string | undefined };
