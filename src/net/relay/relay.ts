import type { Duplex } from 'node:stream';

import { WcError } from '../../model/diagnostic.ts';
import type { FabricEngine } from '../fabric-engine.ts';
import { relayBody } from './container.ts';
import type { RelaySpec } from './container.ts';
import { ControlChannel } from './control-channel.ts';
import { ensureRelayImage } from './image.ts';
import { workerDoor } from './worker-door.ts';

/** A relay container that runs, and the way to talk to it. */
export interface Relay {
  readonly container: string;
  readonly channel: ControlChannel;
}

/** Makes the container, joins it to its networks and resolves when it serves; what failed halfway is removed. */
export async function startRelay(engine: FabricEngine, spec: RelaySpec, signal: AbortSignal): Promise<Relay> {
  const info = await engine.info(signal);
  const image = await ensureRelayImage(engine, info.arch, signal);
  const container = await createRelay(engine, spec, relayBody(spec, image, info.rootless), signal);
  let channel: ControlChannel | undefined;
  try {
    for (const network of spec.networks.slice(1)) {
      await engine.connectNetwork(network.name, container, network.aliases, signal);
    }
    // Before the start, so that the relay finds an open stdin.
    channel = new ControlChannel(await attachFor(engine, container, signal), workerDoor(spec.socketDir));
    await engine.startContainer(container, signal);
    await channel.hello(AbortSignal.any([signal, AbortSignal.timeout(HELLO_MS)]));
    return { container, channel };
  } catch (error) {
    channel?.[Symbol.dispose]();
    await engine.removeContainer(container, AbortSignal.timeout(CLEANUP_MS));
    throw error;
  }
}

/** Ends the relay; resolves when its container and its names are gone. */
export async function stopRelay(engine: FabricEngine, relay: Relay, signal: AbortSignal): Promise<void> {
  relay.channel[Symbol.dispose]();
  await engine.removeContainer(relay.container, signal);
}

/** A relay of ours under that name, left by a supervisor that died, goes first: two would both answer to its names. */
async function createRelay(
  engine: FabricEngine,
  spec: RelaySpec,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await engine.createContainer(spec.name, body, signal);
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_NAME_TAKEN') throw error;
    const left = (await engine.relays(spec.project, signal)).filter(({ name }) => name === spec.name);
    if (left.length === 0) throw error;
    for (const { id } of left) await engine.removeContainer(id, signal);
    return await engine.createContainer(spec.name, body, signal);
  }
}

/** The signal ends the attempt only: the connection itself lives as long as the relay. */
async function attachFor(engine: FabricEngine, container: string, signal: AbortSignal): Promise<Duplex> {
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await engine.attach(container, attempt.signal);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const HELLO_MS = 10_000;
const CLEANUP_MS = 10_000;
