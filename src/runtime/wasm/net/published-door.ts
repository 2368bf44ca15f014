import { createServer, type Server, type Socket } from 'node:net';

import type { PublishedListener } from '../../../net/fabric.ts';
import { SEND_AHEAD } from './connection.ts';

/** A host port of the instance, bound before its guest runs. */
export interface PublishedDoor {
  /** The port it got, also when any was asked for. */
  readonly published: number;
  readonly target: number;
  close(): void;
}

/** Binds the port; rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL). */
export async function openPublishedDoor(
  wanted: PublishedListener,
  onConnection: (socket: Socket) => void,
): Promise<PublishedDoor> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, highWaterMark: SEND_AHEAD }, onConnection);
  try {
    await listen(server, wanted.hostIp === '' ? '::' : wanted.hostIp, wanted.published);
  } catch (error) {
    // A machine without IPv6: all interfaces are those of IPv4 then.
    if (wanted.hostIp !== '' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
    await listen(server, '0.0.0.0', wanted.published);
  }
  const address = server.address();
  const published = address !== null && typeof address === 'object' ? address.port : wanted.published;
  return { published, target: wanted.target, close: () => void server.close() };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, backlog: BACKLOG }, resolve);
  await promise;
  server.off('error', reject);
}

/** The kernel takes less where its own limit is lower. */
const BACKLOG = 4096;
