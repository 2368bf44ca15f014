import { setImmediate } from 'node:timers';

import type { ExitStatus } from '../../../model/state.ts';
import { socketFunctions } from '../net/functions.ts';
import { Network } from '../net/network.ts';
import { preconnect, PreconnectError } from '../net/preconnect.ts';
import type { Uplink } from '../uplink.ts';
import { systemClock } from '../wasi/clock.ts';
import { buildRoot } from '../wasi/fs/root.ts';
import type { StringList } from '../wasi/guest.ts';
import { WasiHost } from '../wasi/host.ts';
import type { Post } from './guests.ts';
import { type CgiStream, type RunnerData, STEP, type ToRunner, WINDOW } from './messages.ts';
import type { Seat } from './seats.ts';

export interface CgiGuestParts {
  readonly data: RunnerData;
  readonly post: Post;
  readonly uplink: Uplink;
  readonly seat: Seat;
  readonly usesSockets: boolean;
}

const clock = systemClock();
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/**
 * A guest for one request: the body is its stdin, its stdout the answer. Everything that it has is new, its files in
 * memory too, so no request sees anything of another but what is in a mounted directory.
 */
export class CgiGuest {
  readonly #id: number;
  readonly #data: RunnerData;
  readonly #post: Post;
  readonly #host: WasiHost;
  readonly #stopping = new AbortController();
  #network: Network | undefined;
  /** What it wrote to stdout since the last message; a small answer is one message with its end. */
  #written: Uint8Array[] = [];
  #writtenBytes = 0;
  #isFlushing = false;
  /** Sent and not counted back. */
  #untaken = 0;
  #room = Promise.withResolvers<void>();
  #unreported = 0;

  constructor({ data, post, uplink, seat, usesSockets }: CgiGuestParts, message: Extract<ToRunner, { type: 'run' }>) {
    this.#id = message.id;
    this.#data = data;
    this.#post = post;
    const { socketDir, address, ports } = data;
    this.#host = new WasiHost({
      args: data.args.length === 1 ? [...data.args, ...message.words] : data.args,
      env: environment(data.env, message.variables),
      clock,
      stdinOpen: true,
      isPiped: true,
      stdout: (chunk) => this.#write(chunk),
      // What is handed over must be a buffer of its own.
      stderr: (chunk) => this.#send('stderr', new Uint8Array(chunk)),
      mounts: [
        {
          guestPath: '/',
          // Most requests open no file.
          directory: () => buildRoot(data.mounts, { nowNs, writableBytes: data.rootBytes }).directory,
        },
      ],
      ...(data.descriptorLimit === undefined ? {} : { descriptorLimit: data.descriptorLimit }),
      ...(seat.memory === undefined ? {} : { memory: seat.memory }),
      ...(seat.linkage === undefined ? {} : { linkage: seat.linkage }),
      ...(usesSockets
        ? {
            functions: (host) => {
              const options = { socketDir, address, uplink, waiters: host.waiters, onOwed: () => undefined };
              this.#network = new Network({ ...options, served: ports });
              return socketFunctions(host, this.#network);
            },
          }
        : {}),
    });
    const { stdin } = this.#host;
    if (message.body !== undefined) stdin.push(message.body);
    if (message.isOpen) stdin.onTaken = (bytes) => this.#read(bytes);
    else stdin.end();
  }

  get memoryBytes(): number {
    return this.#host.memory.bytes.length;
  }

  get descriptors(): number {
    return this.#host.table.size;
  }

  /** Runs it to its end, tells of that and resolves with it. Never rejects. */
  async run(): Promise<ExitStatus> {
    let exit: ExitStatus;
    try {
      await this.#connect();
      exit = await this.#host.run(this.#data.module);
    } catch (error) {
      exit = { how: 'lost', reason: reasonOf(error) };
    }
    this.#network?.stopListening();
    this.#network?.abandon();
    const output = this.#takeWritten();
    this.#post({ type: 'ended', id: this.#id, exit, output }, output === undefined ? [] : [output.buffer]);
    return exit;
  }

  body(chunk: Uint8Array): void {
    this.#host.stdin.push(chunk);
  }

  endBody(): void {
    this.#host.stdin.end();
  }

  taken(bytes: number): void {
    this.#untaken -= bytes;
    if (this.#untaken >= WINDOW) return;
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }

  /** Ends it in the call that it waits in, or at its next. */
  abort(): void {
    this.#stopping.abort();
    this.#host.stop();
    this.#room.resolve();
  }

  async #connect(): Promise<void> {
    if (this.#network === undefined || this.#data.connect.length === 0) return;
    const connections = await preconnect(this.#network, this.#data.connect, this.#stopping.signal);
    for (const { fd, connection } of connections) this.#host.table.set(fd, connection);
  }

  #read(bytes: number): void {
    this.#unreported += bytes;
    if (this.#unreported < STEP) return;
    this.#post({ type: 'read', id: this.#id, bytes: this.#unreported });
    this.#unreported = 0;
  }

  #write(chunk: Uint8Array): void | Promise<void> {
    this.#written.push(chunk);
    this.#writtenBytes += chunk.length;
    if (this.#writtenBytes >= STEP) return this.#flush();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // A guest that waits has said for now what it wanted to say.
    setImmediate(() => {
      this.#isFlushing = false;
      void this.#flush();
    });
  }

  #flush(): void | Promise<void> {
    const output = this.#takeWritten();
    if (output !== undefined) return this.#send('stdout', output);
  }

  #send(stream: CgiStream, chunk: Uint8Array<ArrayBuffer>): void | Promise<void> {
    this.#untaken += chunk.length;
    this.#post({ type: 'output', id: this.#id, stream, chunk }, [chunk.buffer]);
    if (this.#untaken >= WINDOW) return this.#room.promise;
  }

  #takeWritten(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#writtenBytes === 0) return undefined;
    const all = new Uint8Array(this.#writtenBytes);
    let at = 0;
    for (const chunk of this.#written) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#written = [];
    this.#writtenBytes = 0;
    return all;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof PreconnectError) {
    return `cannot connect to ${error.target.host}:${error.target.port}: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** The variables of the request are bytes, those of the compose file are text. */
function environment(own: readonly string[], variables: string): StringList {
  const bytes = Buffer.concat([Buffer.from(own.map((text) => `${text}\0`).join('')), Buffer.from(variables, 'latin1')]);
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at = bytes.indexOf(0, at) + 1) offsets.push(at);
  return { bytes, offsets };
}
