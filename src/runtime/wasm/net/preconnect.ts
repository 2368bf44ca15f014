import { isIPv4 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { Errno } from '../wasi/errno.ts';
import type { Connection } from './connection.ts';
import { connectTo } from './connect.ts';
import type { Network } from './network.ts';

/** How long it is tried while nobody is there: a dependency that has started need not listen yet. */
const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** A connection that a guest finds open when it starts. */
export interface ConnectTarget {
  /** A name or an IPv4 address. */
  readonly host: string;
  readonly port: number;
  readonly fd: number;
}

export interface Preconnected {
  readonly fd: number;
  readonly connection: Connection;
}

/** A connection could not be made. */
export class PreconnectError extends Error {
  readonly target: ConnectTarget;

  constructor(target: ConnectTarget, reason: string) {
    super(reason);
    this.name = 'PreconnectError';
    this.target = target;
  }
}

/**
 * Makes the connections, in their order, by the names and rules that the guest itself would have. Rejects with
 * PreconnectError for the first one that cannot be made, or with the signal's reason; none is left open then.
 */
export async function preconnect(
  network: Network,
  targets: readonly ConnectTarget[],
  signal: AbortSignal,
): Promise<readonly Preconnected[]> {
  const made: Preconnected[] = [];
  try {
    for (const target of targets) made.push({ fd: target.fd, connection: await patiently(network, target, signal) });
    return made;
  } catch (error) {
    for (const { connection } of made) connection.close();
    throw error;
  }
}

async function patiently(network: Network, target: ConnectTarget, signal: AbortSignal): Promise<Connection> {
  const deadline = performance.now() + PATIENCE_MS;
  let told = '';
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const attempt = await attemptOn(network, target, signal);
    signal.throwIfAborted();
    if ('connection' in attempt) return attempt.connection;
    const { reason, isFinal } = attempt;
    if (isFinal || performance.now() + pause > deadline) throw new PreconnectError(target, reason);
    if (told !== reason) network.uplink.log(`waiting for ${target.host}:${target.port}: ${reason}`);
    told = reason;
    await delay(pause, undefined, { signal });
  }
}

type Attempt =
  | { readonly connection: Connection }
  /** `isFinal`: trying again does not help. */
  | { readonly reason: string; readonly isFinal: boolean };

async function attemptOn(network: Network, { host, port }: ConnectTarget, signal: AbortSignal): Promise<Attempt> {
  const addresses = isIPv4(host) ? [host] : await network.uplink.resolve(host);
  let errno: number | undefined;
  for (const address of addresses) {
    const connection = connectTo(network, { address, port }, 0);
    const giveUp = (): void => connection.close();
    signal.addEventListener('abort', giveUp, { once: true });
    errno = await connection.connected();
    signal.removeEventListener('abort', giveUp);
    if (errno === Errno.SUCCESS && !signal.aborted) return { connection };
    connection.close();
  }
  if (errno === undefined) return { reason: 'no such name on its networks', isFinal: false };
  return { reason: REASONS[errno] ?? `the connection failed (WASI errno ${errno})`, isFinal: FINAL.has(errno) };
}

const REASONS: Readonly<Record<number, string>> = {
  [Errno.ACCES]: 'its networks do not allow it',
  [Errno.NETUNREACH]: 'its networks do not lead there',
  [Errno.HOSTUNREACH]: 'the address cannot be reached',
  [Errno.CONNREFUSED]: 'connection refused',
  [Errno.CONNRESET]: 'connection reset',
  [Errno.TIMEDOUT]: 'nothing answers',
};

const FINAL: ReadonlySet<number> = new Set([Errno.ACCES, Errno.NETUNREACH]);
