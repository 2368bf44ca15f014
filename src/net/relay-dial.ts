import type { InstanceId } from '../model/ids.ts';
import type { DialServer } from './dial-server.ts';
import type { ConnectVerdict } from './fabric.ts';
import type { ProjectRelays } from './project-relays.ts';
import { RelayLostError, RelayRefusedError } from './relay/relay-errors.ts';

export interface Dial {
  readonly from: InstanceId;
  readonly address: string;
  readonly port: number;
}

/**
 * Has the instance's relay connect, and only then sends the worker to the connection: so a refusal is the guest's
 * own error, as if it had connected itself.
 */
export async function dialThroughRelay(
  relays: ProjectRelays,
  dialled: DialServer,
  { from, address, port }: Dial,
  signal: AbortSignal,
): Promise<ConnectVerdict> {
  const patience = AbortSignal.timeout(DIAL_MS);
  try {
    const stream = await relays.dial(from, address, port, AbortSignal.any([signal, patience]));
    return { to: 'unix', ...(await dialled.offer(stream)) };
  } catch (error) {
    signal.throwIfAborted();
    const { errno, why } = patience.aborted ? TIMED_OUT : refusal(error);
    return { to: 'refused', errno, reason: `${from} cannot connect to ${address} port ${port}: ${why}` };
  }
}

type Errno = Extract<ConnectVerdict, { readonly to: 'refused' }>['errno'];

function refusal(error: unknown): { readonly errno: Errno; readonly why: string } {
  if (error instanceof RelayLostError) return { errno: 'ENETUNREACH', why: `its relay is gone: ${error.message}` };
  if (!(error instanceof RelayRefusedError)) throw error;
  const known = KNOWN.find((one) => one === error.errno);
  return { errno: known ?? 'EHOSTUNREACH', why: `its relay says ${error.errno}` };
}

const KNOWN: readonly Errno[] = ['EACCES', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];
/** Longer than the kernel looks for an address that nobody has. */
const DIAL_MS = 20_000;
const TIMED_OUT = { errno: 'ETIMEDOUT', why: 'nothing answers there' } as const;
