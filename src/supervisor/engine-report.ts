import type { EngineReport } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import { Engine } from '../runtime/container/engine.ts';

/** Which Engine this environment means, why, and what it is; or why it does not answer. Changes nothing. */
export async function reportEngine(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<EngineReport> {
  try {
    await using engine = await Engine.open(env, signal);
    const { description, version, apiVersion, newestApi, os, arch, isPodman } = engine;
    const product = isPodman ? 'Podman' : 'Docker Engine';
    return {
      reachable: true,
      endpoint: description,
      product,
      version,
      apiVersion,
      newestApi,
      platform: `${os}/${arch}`,
    };
  } catch (error) {
    return { reachable: false, error: toWireError(error) };
  }
}
