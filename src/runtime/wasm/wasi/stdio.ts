import { Errno } from './errno.ts';
import { type Descriptor, Fdflags, Filetype, type Readiness } from './descriptor.ts';
import type { GuestBuffers } from './guest-memory.ts';
import { STREAM_RIGHTS, Right } from './rights.ts';
import type { Waiters } from './waiters.ts';

/** A guest's stdin. Not a terminal: interpreters would start their prompt. */
export class InputStream implements Descriptor {
  readonly filetype = Filetype.UNKNOWN;
  fdflags = 0;
  rights = STREAM_RIGHTS & ~Right.FD_WRITE;
  inheriting = 0n;
  readonly #waiters: Waiters;
  readonly #chunks: Uint8Array[] = [];
  /** How much of the first chunk the guest has read. */
  #taken = 0;
  #queued = 0;
  #open: boolean;
  /** Told how much the guest has read, whenever it reads, and what it never will. */
  onTaken: ((bytes: number) => void) | undefined;

  constructor(waiters: Waiters, open: boolean) {
    this.#waiters = waiters;
    this.#open = open;
  }

  /** Bytes that the guest has not read yet. */
  get queuedBytes(): number {
    return this.#queued;
  }

  /** The chunk belongs to the stream from now on. Dropped after `end()`. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (!this.#open) {
      this.onTaken?.(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#queued += chunk.length;
    this.#waiters.wake();
  }

  /** The guest reads to the end of what was pushed and then the end of file. */
  end(): void {
    this.#open = false;
    this.#waiters.wake();
  }

  read(into: GuestBuffers): number | Promise<number> {
    if (into.length === 0 || this.#ready()) return this.#fill(into);
    if ((this.fdflags & Fdflags.NONBLOCK) !== 0) return -Errno.AGAIN;
    return this.#waiters.until(
      () => this.#ready(),
      () => this.#fill(into),
    );
  }

  readiness(): Readiness {
    return { readable: this.#ready() ? this.#queued : -1, writable: -1, hangup: !this.#open };
  }

  close(): void {
    this.end();
    this.#chunks.length = 0;
    if (this.#queued > 0) this.onTaken?.(this.#queued);
    this.#queued = 0;
  }

  #ready(): boolean {
    return this.#queued > 0 || !this.#open;
  }

  #fill(into: GuestBuffers): number {
    let filled = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined && filled < into.length; chunk = this.#chunks[0]) {
      const n = into.fill(this.#taken === 0 ? chunk : chunk.subarray(this.#taken), filled);
      filled += n;
      this.#taken += n;
      if (this.#taken < chunk.length) break;
      this.#chunks.shift();
      this.#taken = 0;
    }
    this.#queued -= filled;
    this.onTaken?.(filled);
    return filled;
  }
}

/**
 * A guest's stdout or stderr. Unless it is a pipe to another program it says that it is a terminal: wasi-libc then writes line by line, and a server's log
 * does not sit in a buffer until the server ends.
 */
export class OutputStream implements Descriptor {
  readonly filetype: Filetype;
  fdflags = 0;
  rights = STREAM_RIGHTS & ~Right.FD_READ;
  inheriting = 0n;
  readonly #waiters: Waiters;
  readonly #sink: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;

  constructor(waiters: Waiters, sink: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>, isPipe = false) {
    this.filetype = isPipe ? Filetype.UNKNOWN : Filetype.CHARACTER_DEVICE;
    this.#waiters = waiters;
    this.#sink = sink;
  }

  write(from: GuestBuffers): number | Promise<number> {
    if (from.length === 0) return 0;
    const chunk = from.gather(WRITE_LIMIT);
    // Its receiver may hand it to another thread: it is empty here then.
    const { length } = chunk;
    const taken = this.#sink(chunk);
    if (!(taken instanceof Promise)) return length;
    let settled = false;
    const settle = (): void => {
      settled = true;
      this.#waiters.wake();
    };
    // What the receiver could not take is its own to tell of; the guest has written it.
    taken.then(settle, settle);
    return this.#waiters.until(
      () => settled,
      () => length,
    );
  }

  readiness(): Readiness {
    return WRITABLE;
  }

  close(): void {
    // The sink is the host's and outlives the descriptor.
  }
}

/** A guest may name the same memory in many buffers: what it writes at once must not be as much as it likes. */
const WRITE_LIMIT = 1 << 20;

const WRITABLE: Readiness = { readable: -1, writable: 65_536, hangup: false };
