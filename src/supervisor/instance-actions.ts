import type { InstancesReply, InstancesRequest } from '../control/protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { EngineAccess } from './engine-access.ts';
import type { WasmSide } from './wasm-side.ts';

export interface InstanceActionParts {
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
}

/**
 * `kill`, `pause`, `unpause`: something is done at once to instances that run. Waits for no request before it: a signal
 * may be what ends one.
 */
export async function actOnInstances(
  parts: InstanceActionParts,
  request: InstancesRequest,
  instances: readonly ObservedInstance[],
  signal: AbortSignal,
): Promise<InstancesReply> {
  requireNames(request.services, instances);
  const chosen = instances.filter(
    (instance) =>
      instance.state.at === 'running' &&
      (request.services.length === 0 ? !isDone(request, instance) : request.services.includes(instance.service)),
  );
  const refused = chosen.filter((instance) => instance.kind === 'wasm' && refusal(request) !== undefined);
  const [first] = refused;
  if (first !== undefined && (request.services.length > 0 || refused.length === chosen.length)) {
    throw new WcError('ERR_USAGE', `${first.service} is a Wasm service: ${refusal(request)}`, {
      hint: 'a module has no signals and cannot be frozen: wcompose stop and start are what there is',
    });
  }
  const done = chosen.filter((instance) => !refused.includes(instance));
  await Promise.all(done.map(async (instance) => await act(parts, request, instance, signal)));
  return {
    done: done.map(({ name, kind }) => ({ name, kind })),
    warnings: refused.map(({ name }) => `${name} is left alone: ${refusal(request)}`),
  };
}

/** Names of services of which the project has nothing. */
export function requireNames(services: readonly string[], instances: readonly ObservedInstance[]): void {
  const unknown = services.find((name) => !instances.some((instance) => instance.service === name));
  if (unknown === undefined) return;
  const known = [...new Set(instances.map((instance) => instance.service))].toSorted();
  throw new WcError('ERR_NO_SUCH_SERVICE', `no such service, or nothing of it is there: ${unknown}`, {
    hint: `there is something of: ${known.join(', ') || 'no service'}`,
  });
}

/** An error where the service is named; of all that there is, it is left as it is. */
function isDone({ action }: InstancesRequest, { state }: ObservedInstance): boolean {
  const paused = state.at === 'running' && state.paused === true;
  return action !== 'signal' && paused === (action === 'pause');
}

/** Why a Wasm service cannot have this done; undefined: it can. */
function refusal(request: InstancesRequest): string | undefined {
  if (request.action !== 'signal') return `it cannot be paused`;
  return WASM_GRACE_MS[plainSignal(request.signal)] === undefined
    ? `it takes no ${request.signal}, only SIGKILL, and SIGTERM, SIGINT or SIGQUIT as a stop`
    : undefined;
}

async function act(
  { engine, wasm }: InstanceActionParts,
  request: InstancesRequest,
  instance: ObservedInstance,
  signal: AbortSignal,
): Promise<void> {
  if (request.action === 'signal' && instance.kind === 'wasm') {
    await wasm.runtime.stop(instance.handle, WASM_GRACE_MS[plainSignal(request.signal)] ?? 0, signal);
    return;
  }
  if (isDone(request, instance)) {
    const message = `container ${instance.name} is ${request.action === 'pause' ? 'already' : 'not'} paused`;
    throw new WcError('ERR_ENGINE_REFUSED', message);
  }
  const { actions } = await engine.get(signal);
  switch (request.action) {
    case 'signal':
      return await actions.kill(instance.handle, request.signal, signal);
    case 'pause':
      return await actions.pause(instance.handle, signal);
    case 'unpause':
      return await actions.unpause(instance.handle, signal);
  }
}

/** `sigterm`, `TERM` and `15` are one signal. */
function plainSignal(name: string): string {
  const plain = name.toUpperCase().replace(/^SIG/, '');
  return NUMBERS[plain] ?? plain;
}

const NUMBERS: Readonly<Record<string, string>> = { '2': 'INT', '3': 'QUIT', '9': 'KILL', '15': 'TERM' };
const WASM_GRACE_MS: Readonly<Record<string, number>> = { KILL: 0, TERM: 10_000, INT: 10_000, QUIT: 10_000 };
