import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

import type { Healthcheck } from '../../model/project.ts';

export type NetworkProbe = Extract<Healthcheck['probe'], { type: 'http' | 'tcp' }>;

/** How a probe ended; `output` says why. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Asks the guest behind a unix socket of the fabric once. Rejects only when the signal is aborted. */
export async function probeGuest(path: string, probe: NetworkProbe, signal: AbortSignal): Promise<ProbeResult> {
  try {
    return probe.type === 'http' ? await get(path, probe.path, signal) : await reach(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, output: error instanceof Error ? error.message : String(error) };
  }
}

/** As `curl --fail`: an answer below 400 is good. */
async function get(path: string, target: string, signal: AbortSignal): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  const asked = request({
    path: target,
    headers: { host: 'localhost', connection: 'close', 'user-agent': 'wcompose-healthcheck' },
    signal,
    createConnection: () => dial(path),
  });
  asked.on('error', reject);
  asked.on('response', (response) => {
    const status = response.statusCode ?? 0;
    response.resume();
    response.on('error', reject);
    response.on('end', () => resolve({ ok: status >= 200 && status < 400, output: `HTTP ${status}` }));
  });
  asked.end();
  return await promise;
}

async function reach(path: string, signal: AbortSignal): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  const socket = dial(path);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', () => resolve({ ok: true, output: 'connected' }));
  socket.once('error', reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.on('error', () => socket.destroy());
    socket.end();
  }
}

/** From the guest's own machine, as a container's healthcheck comes. */
function dial(path: string): Socket {
  const socket = connect({ path });
  socket.write('127.0.0.1 0\n');
  return socket;
}
