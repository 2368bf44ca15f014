import type { Descriptor } from '../../wasi/descriptor.ts';
import { Errno, errnoOf } from '../../wasi/errno.ts';
import type { File } from '../../wasi/fs/directory.ts';
import { GuestBuffers } from '../../wasi/guest-memory.ts';
import { CLOSED, failed, IoError, type Sink, type Source, type StreamError } from './streams.ts';

/** As much is written at once. */
const ROOM = 64 * 1024;

/** Reads from a descriptor that does not block: stdin, a connection. */
export function descriptorSource(descriptor: Descriptor): Source {
  const isReady = (): boolean => (descriptor.readiness?.().readable ?? 0) >= 0;
  return {
    isReady,
    read: (limit) => {
      const readable = descriptor.readiness?.().readable ?? 0;
      if (readable < 0) return NOTHING;
      const bytes = new Uint8Array(Math.min(limit, Math.max(readable, 1)));
      const n = descriptor.read?.(GuestBuffers.over(bytes)) ?? 0;
      if (typeof n !== 'number') throw new Error('a descriptor that does not block wants to wait');
      if (n < 0) return n === -Errno.AGAIN ? NOTHING : failed(errnoError(-n));
      return n === 0 && limit > 0 ? CLOSED : bytes.subarray(0, n);
    },
  };
}

/** Writes to a descriptor that does not block: a connection. */
export function descriptorSink(descriptor: Descriptor, isSending: () => boolean): Sink {
  let broken: StreamError | undefined;
  return {
    room: () => {
      if (broken !== undefined) return broken;
      const { writable = ROOM, hangup = false } = descriptor.readiness?.() ?? {};
      if (hangup) return CLOSED;
      return Math.min(Math.max(writable, 0), ROOM);
    },
    write: (bytes) => {
      const n = descriptor.write?.(GuestBuffers.over(Uint8Array.from(bytes))) ?? 0;
      if (typeof n !== 'number') throw new Error('a descriptor that does not block wants to wait');
      if (n >= 0) return undefined;
      broken = CLOSED;
      return -n === Errno.PIPE ? CLOSED : failed(errnoError(-n));
    },
    isFlushed: () => broken ?? !isSending(),
  };
}

/** Writes to stdout or stderr. A reader that is slower holds the guest back. */
export function outputSink(write: (chunk: Uint8Array) => void | Promise<void>, wake: () => void): Sink {
  let isTaken = true;
  return {
    room: () => (isTaken ? ROOM : 0),
    write: (bytes) => {
      const taken = write(bytes);
      if (taken instanceof Promise) {
        isTaken = false;
        const settle = (): void => {
          isTaken = true;
          wake();
        };
        // What the receiver could not take is its own to tell of; the guest has written it.
        taken.then(settle, settle);
      }
      return undefined;
    },
    isFlushed: () => isTaken,
  };
}

/** Reads a file from a position on; each stream has its own. */
export function fileSource(file: File, offset: number): Source {
  let position = offset;
  return {
    isReady: () => true,
    read: (limit) => {
      const bytes = new Uint8Array(limit);
      try {
        const n = file.read([bytes], position);
        position += n;
        return n === 0 && limit > 0 ? CLOSED : bytes.subarray(0, n);
      } catch (error) {
        return failed(errnoError(errnoOf(error)));
      }
    },
  };
}

/** Writes a file from a position on, or at its end: undefined. */
export function fileSink(file: File, offset: number | undefined): Sink {
  let position = offset;
  let broken: StreamError | undefined;
  return {
    room: () => broken ?? ROOM,
    write: (bytes) => {
      try {
        for (let from = 0; from < bytes.length;) {
          const n = file.write([bytes.subarray(from)], position ?? -1);
          if (position !== undefined) position += n;
          from += n;
        }
        return undefined;
      } catch (error) {
        broken = CLOSED;
        return failed(errnoError(errnoOf(error)));
      }
    },
    isFlushed: () => broken ?? true,
  };
}

const NOTHING = new Uint8Array(0);

function errnoError(errno: number): IoError {
  const name = Object.entries(Errno).find(([, number]) => number === errno)?.[0] ?? 'IO';
  return new IoError(name.toLowerCase(), { errno });
}
