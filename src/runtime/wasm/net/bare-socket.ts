import fs from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';

import type { GuestBuffers } from '../wasi/guest-memory.ts';

/** What all sockets of this thread are read into, one after the other: as much as the system is asked for at once. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/*
 * Node gives every read a buffer of 64 KiB of its own and every write an object, a copy and a turn of its queue: for
 * small requests that is more than all the rest. A socket made with `onread` reads into one buffer, but a server makes
 * its sockets without it; and a write of few bytes needs no queue while nothing waits in it. Both need the handle
 * behind a socket, which Node does not document; where it is not as known here, all goes the ordinary way.
 */
interface Handle {
  readonly fd?: number;
}
interface WithHandle {
  _handle?: Handle | null;
}

/**
 * A paused socket for the same connection, which hands what comes to `receive`: the first `length` bytes of a buffer that
 * is the receiver's during the call only. The given socket must not be used any more, unless it is the one returned.
 * Nothing may have been read from it that was not taken from it.
 */
export function bareSocket(
  socket: Socket,
  highWaterMark: number,
  receive: (buffer: Buffer, length: number) => void,
): Socket {
  const holder = socket as unknown as WithHandle;
  const handle = holder._handle;
  if (socket.destroyed || typeof handle?.fd !== 'number' || handle.fd < 0) {
    return socket.pause().on('data', (chunk: Buffer) => receive(chunk, chunk.length));
  }
  holder._handle = null;
  const options = {
    handle,
    allowHalfOpen: true,
    readable: true,
    writable: true,
    highWaterMark,
    pauseOnCreate: true,
    onread: {
      buffer: readBuffer,
      callback: (length: number) => {
        receive(readBuffer, length);
        return true;
      },
    },
  };
  return new Socket(options as unknown as SocketConstructorOpts);
}

/**
 * Gives the bytes to the system at once, past the socket's queue, in which nothing may wait. Returns how many it took: 0
 * also when it cannot be done so. Throws the system's error.
 */
export function writeAtOnce(socket: Socket, from: GuestBuffers): number {
  // Null from the moment the descriptor is closed, when its number may become somebody else's.
  const fd = (socket as unknown as WithHandle)._handle?.fd ?? -1;
  if (fd < 0 || from.length === 0) return 0;
  const piece = from.onlyPiece;
  try {
    if (piece !== undefined) return fs.writeSync(fd, piece.bytes, piece.at, Math.min(from.length, AT_ONCE));
    return fs.writevSync(fd, from.views(AT_ONCE));
  } catch (error) {
    // The system has no room just now.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

/** More than the system ever takes of a stream in one call. */
const AT_ONCE = 4 * 1024 * 1024;
