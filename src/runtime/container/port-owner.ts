import { WcError } from '../../model/diagnostic.ts';
import type { Engine } from './engine.ts';
import { plainName } from './containers.ts';

/** Adds to an ERR_PORT_IN_USE which container holds the port, where one does; other errors pass unchanged. */
export async function namePortOwner(engine: Engine, error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof WcError) || error.code !== 'ERR_PORT_IN_USE') return error;
  const port = Number(/:(\d+) is in use by /.exec(error.message)?.[1]);
  if (Number.isNaN(port)) return error;
  const owner = await findOwner(engine, port, signal);
  if (owner === undefined) return error;
  return new WcError(error.code, error.message.replace(/ is in use by .*$/, ` is in use by container ${owner}`), {
    hint: error.hint,
    source: error.source,
    cause: error.cause,
  });
}

async function findOwner(engine: Engine, port: number, signal: AbortSignal): Promise<string | undefined> {
  try {
    const running = await engine.request<readonly RunningContainer[]>('GET', '/containers/json', {}, signal);
    const owner = running.find((one) => one.Ports.some(({ PublicPort }) => PublicPort === port));
    return owner === undefined ? undefined : plainName(owner.Names[0] ?? '');
  } catch {
    // ERR_ENGINE_UNREACHABLE, AbortError: the error that is being explained matters more.
    return undefined;
  }
}

interface RunningContainer {
  readonly Names: readonly string[];
  readonly Ports: readonly { readonly PublicPort?: number }[];
}
