import { connect as dial, type Socket } from 'node:net';

import type { ConnectVerdict } from '../../../net/fabric.ts';
import { Errno, errnoOf } from '../wasi/errno.ts';
import { type Endpoint, isAny, isLoopback } from './address.ts';
import { Connection, SEND_AHEAD } from './connection.ts';
import { isNameServer } from './name-server.ts';
import type { Network } from './network.ts';

/** A connection to `peer` that is being made: where it goes is the fabric's to say. */
export function connectTo(network: Network, peer: Endpoint, fdflags: number): Connection {
  const local = { address: network.address, port: network.ephemeralPort() };
  const connection = new Connection(network.waiters, local, peer, fdflags);
  const attempt = new AbortController();
  connection.onClose = () => attempt.abort();
  void establish(network, connection, attempt.signal);
  return connection;
}

async function establish(network: Network, connection: Connection, signal: AbortSignal): Promise<void> {
  try {
    const verdict = await route(network, connection.peer, connection.local.port);
    if (verdict.to === 'refused') {
      connection.fail(REFUSALS[verdict.errno]);
      return;
    }
    const socket = await open(verdict, signal);
    if (verdict.to === 'tcp') connection.local = { ...connection.local, port: socket.localPort ?? 0 };
    network.keep(connection, connection.attach(socket));
    connection.startReading();
  } catch (error) {
    connection.fail(errnoOfDial(error));
  }
}

/**
 * A connection to `peer` for a client that the host has within the guest: as the guest's own go, and it counts as one.
 * Resolves with an errno when it may not or cannot be made.
 */
export async function openSocket(network: Network, peer: Endpoint, signal: AbortSignal): Promise<Socket | number> {
  try {
    const verdict = await route(network, peer, network.ephemeralPort());
    return verdict.to === 'refused' ? REFUSALS[verdict.errno] : await open(verdict, signal);
  } catch (error) {
    return errnoOfDial(error);
  }
}

async function route(network: Network, peer: Endpoint, localPort: number): Promise<ConnectVerdict> {
  const { address, port } = peer;
  if (isNameServer(peer)) return { to: 'unix', path: await network.names.open(), hello: '' };
  if (!isLoopback(address) && !isAny(address) && address !== network.address) {
    return await network.uplink.authorize(address, port);
  }
  const path = network.ownSocket(port);
  if (path === undefined) return { to: 'refused', errno: 'ECONNREFUSED', reason: '' };
  const from = isLoopback(address) ? address : network.address;
  return { to: 'unix', path, hello: `${from} ${localPort}\n` };
}

async function open(verdict: Exclude<ConnectVerdict, { to: 'refused' }>, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  // The type knows `highWaterMark` for servers only; every socket takes the options of a stream.
  const how = { allowHalfOpen: true, highWaterMark: SEND_AHEAD };
  const socket =
    verdict.to === 'tcp'
      ? dial({ host: verdict.host, port: verdict.port, ...how })
      : dial({ path: verdict.path, ...how });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', resolve);
  socket.once('error', reject);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.off('error', reject);
  }
  if (verdict.to === 'unix' && verdict.hello !== '') socket.write(verdict.hello);
  return socket;
}

export const REFUSALS = {
  EACCES: Errno.ACCES,
  ECONNREFUSED: Errno.CONNREFUSED,
  EHOSTUNREACH: Errno.HOSTUNREACH,
  ENETUNREACH: Errno.NETUNREACH,
  ETIMEDOUT: Errno.TIMEDOUT,
} as const;

/** A unix socket that is not there is a port on which nobody listens any more. */
function errnoOfDial(error: unknown): number {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' ? Errno.CONNREFUSED : errnoOf(error);
}
