import { AbiError } from '../abi/handles.ts';
import type { HttpErrorCode } from '../http/error-codes.ts';
import { type ComponentGuest, err, type HostInterface, ok, OK, resource, type Result } from './interface.ts';
import type { Pollable } from './pollable.ts';

/** An error of a stream, about which other interfaces may know more. */
export class IoError {
  readonly message: string;
  /** A WASI errno, when the stream is one of a file or socket. */
  readonly errno: number | undefined;
  /** An error code of wasi:http, when it is a body. */
  readonly http: HttpErrorCode | undefined;

  constructor(message: string, about: { readonly errno?: number; readonly http?: HttpErrorCode } = {}) {
    this.message = message;
    this.errno = about.errno;
    this.http = about.http;
  }
}

export type StreamError = { readonly tag: 'last-operation-failed'; readonly val: IoError } | { readonly tag: 'closed' };

export const CLOSED: StreamError = { tag: 'closed' };

export function failed(error: IoError): StreamError {
  return { tag: 'last-operation-failed', val: error };
}

/** `input-stream`: where bytes come from. */
export interface Source {
  /** What is there, `limit` bytes at the most; nothing when there is nothing yet. */
  read(limit: number): Uint8Array | StreamError;
  /** A read would not find nothing. */
  isReady(): boolean;
  drop?(): void;
}

/** `output-stream`: where bytes go. */
export interface Sink {
  /** How many bytes it takes now. */
  room(): number | StreamError;
  /** The bytes are the sink's. */
  write(bytes: Uint8Array): StreamError | undefined;
  /** All that was written has left. */
  isFlushed(): boolean | StreamError;
  drop?(): void;
}

/** More is not read at once, whatever the guest asks for. */
const READ_LIMIT = 256 * 1024;
const ZEROS_LIMIT = 64 * 1024;

type Read = Result<Uint8Array, StreamError>;
type Done = Result<undefined, StreamError>;

function readNow(source: Source, length: bigint): Read {
  const bytes = source.read(length > READ_LIMIT ? READ_LIMIT : Number(length));
  return bytes instanceof Uint8Array ? ok(bytes) : err(bytes);
}

function whenReadable<T>(guest: ComponentGuest, source: Source, then: () => T): T | Promise<T> {
  return guest.waiters.until(() => source.isReady(), then);
}

function write(sink: Sink, bytes: Uint8Array): Done {
  const room = sink.room();
  if (typeof room !== 'number') return err(room);
  if (bytes.length > room) throw new AbiError('it writes more than check-write allowed');
  const failure = sink.write(bytes);
  return failure === undefined ? OK : err(failure);
}

function hasRoom(sink: Sink): boolean {
  return sink.room() !== 0;
}

/** Writes all, as there comes room for it, and waits until it has left. */
function writeAll(guest: ComponentGuest, sink: Sink, bytes: Uint8Array): Done | Promise<Done> {
  const room = sink.room();
  if (typeof room !== 'number') return err(room);
  const rest = room < bytes.length ? bytes.subarray(room) : undefined;
  if (room > 0) {
    const failure = sink.write(rest === undefined ? bytes : bytes.subarray(0, room));
    if (failure !== undefined) return err(failure);
  }
  if (rest === undefined) return flushed(guest, sink);
  // Not by recursion on the stack: a sink that takes a byte at a time would end it.
  return Promise.resolve(
    guest.waiters.until(
      () => hasRoom(sink),
      () => undefined,
    ),
  ).then(() => writeAll(guest, sink, rest));
}

function flushed(guest: ComponentGuest, sink: Sink): Done | Promise<Done> {
  return guest.waiters.until(
    () => sink.isFlushed() !== false,
    () => {
      const state = sink.isFlushed();
      return typeof state === 'boolean' ? OK : err(state);
    },
  );
}

function zeros(length: bigint): Uint8Array {
  if (length > ZEROS_LIMIT) throw new AbiError('it writes more zeros than check-write allowed');
  return new Uint8Array(Number(length));
}

/** Moves what is there and fits. */
function splice(sink: Sink, source: Source, length: bigint): Result<bigint, StreamError> {
  const room = sink.room();
  if (typeof room !== 'number') return err(room);
  const bytes = source.read(Math.min(room, Number(length)));
  if (!(bytes instanceof Uint8Array)) return err(bytes);
  const failure = bytes.length === 0 ? undefined : sink.write(bytes);
  return failure === undefined ? ok(BigInt(bytes.length)) : err(failure);
}

function counted(read: Read): Result<bigint, StreamError> {
  return read.tag === 'ok' ? ok(BigInt(read.val.length)) : read;
}

export const ERROR: HostInterface = {
  resources: { error: resource('error') },
  functions: { '[method]error.to-debug-string': (_guest: ComponentGuest, error: IoError) => error.message },
};

/** `wasi:io/streams`. Its functions are the hot path of every guest: what need not wait returns no promise. */
export const STREAMS: HostInterface = {
  resources: { 'input-stream': resource('input-stream'), 'output-stream': resource('output-stream') },
  blocking: new Set([
    '[method]input-stream.blocking-read',
    '[method]input-stream.blocking-skip',
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush',
    '[method]output-stream.blocking-splice',
  ]),
  functions: {
    '[method]input-stream.read': (_guest: ComponentGuest, source: Source, length: bigint) => readNow(source, length),
    '[method]input-stream.blocking-read': (guest: ComponentGuest, source: Source, length: bigint) =>
      whenReadable(guest, source, () => readNow(source, length)),
    '[method]input-stream.skip': (_guest: ComponentGuest, source: Source, length: bigint) =>
      counted(readNow(source, length)),
    '[method]input-stream.blocking-skip': (guest: ComponentGuest, source: Source, length: bigint) =>
      whenReadable(guest, source, () => counted(readNow(source, length))),
    '[method]input-stream.subscribe': (_guest: ComponentGuest, source: Source): Pollable => ({
      isReady: () => source.isReady(),
    }),
    '[method]output-stream.check-write': (_guest: ComponentGuest, sink: Sink) => {
      const room = sink.room();
      return typeof room === 'number' ? ok(BigInt(room)) : err(room);
    },
    '[method]output-stream.write': (_guest: ComponentGuest, sink: Sink, bytes: Uint8Array) => write(sink, bytes),
    '[method]output-stream.blocking-write-and-flush': (guest: ComponentGuest, sink: Sink, bytes: Uint8Array) =>
      writeAll(guest, sink, bytes),
    '[method]output-stream.flush': (_guest: ComponentGuest, sink: Sink) => {
      const state = sink.isFlushed();
      return typeof state === 'boolean' ? OK : err(state);
    },
    '[method]output-stream.blocking-flush': (guest: ComponentGuest, sink: Sink) => flushed(guest, sink),
    '[method]output-stream.subscribe': (_guest: ComponentGuest, sink: Sink): Pollable => ({
      isReady: () => hasRoom(sink),
    }),
    '[method]output-stream.write-zeroes': (_guest: ComponentGuest, sink: Sink, length: bigint) =>
      write(sink, zeros(length)),
    '[method]output-stream.blocking-write-zeroes-and-flush': (guest: ComponentGuest, sink: Sink, length: bigint) =>
      writeAll(guest, sink, zeros(length)),
    '[method]output-stream.splice': (_guest: ComponentGuest, sink: Sink, source: Source, length: bigint) =>
      splice(sink, source, length),
    '[method]output-stream.blocking-splice': (guest: ComponentGuest, sink: Sink, source: Source, length: bigint) =>
      guest.waiters.until(
        () => source.isReady() && hasRoom(sink),
        () => splice(sink, source, length),
      ),
  },
};
