import { Filetype, type Readiness } from '../wasi/descriptor.ts';
import { Errno } from '../wasi/errno.ts';
import { SOCKET_RIGHTS } from '../wasi/rights.ts';
import type { SocketDescriptor } from '../wasi/sock.ts';
import type { Endpoint } from './address.ts';

/** A stream socket that is neither listening nor connected yet. `listen` and `connect` put another in its place. */
export class FreshSocket implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_STREAM;
  fdflags = 0;
  rights = SOCKET_RIGHTS;
  inheriting = SOCKET_RIGHTS;
  /** Where it is bound; port 0: nowhere. */
  local: Endpoint;

  constructor(local: Endpoint) {
    this.local = local;
  }

  read(): number {
    return -Errno.NOTCONN;
  }

  write(): number {
    return -Errno.NOTCONN;
  }

  shutdown(): number {
    return Errno.NOTCONN;
  }

  /** As Linux has it. */
  readiness(): Readiness {
    return UNCONNECTED;
  }

  close(): void {
    // It holds nothing.
  }
}

const UNCONNECTED: Readiness = { readable: -1, writable: -1, hangup: true };
