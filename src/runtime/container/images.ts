import { WcError } from '../../model/diagnostic.ts';
import type { ContainerService } from '../../model/project.ts';
import type { Progress } from '../runtime.ts';
import type { Engine } from './engine.ts';
import { explain, isStatus } from './errors.ts';
import { readNdjsonLines } from './json-stream.ts';

/** Makes sure the service's image is there, by its pull policy. */
export async function ensureImage(
  engine: Engine,
  service: ContainerService,
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const present = await hasImage(engine, service.image, signal);
  if (present && service.pullPolicy !== 'always') return;
  if (service.pullPolicy === 'never') {
    throw new WcError('ERR_IMAGE_NOT_FOUND', `image not found: ${service.image}, and pull_policy is never`, {
      source: service.source,
    });
  }
  try {
    await pull(engine, service, progress, signal);
  } catch (error) {
    throw explainPull(error, service);
  }
}

export async function hasImage(engine: Engine, reference: string, signal: AbortSignal): Promise<boolean> {
  try {
    await engine.request('GET', `/images/${encodeURIComponent(reference)}/json`, {}, signal);
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

interface PullEvent {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

async function pull(
  engine: Engine,
  service: ContainerService,
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const query = { fromImage: withTag(service.image), platform: service.platform };
  const body = await engine.stream('POST', '/images/create', { query }, signal);
  progress({ step: 'Pulling', done: 0 });
  const layers = new Map<string, { done: number; total: number }>();
  for await (const event of readNdjsonLines<PullEvent>(body)) {
    if (event.error !== undefined) throw new Error(event.error);
    const { current, total } = event.progressDetail ?? {};
    if (event.id === undefined || current === undefined || total === undefined) continue;
    layers.set(event.id, { done: current, total });
    const sum = (of: 'done' | 'total'): number => [...layers.values()].reduce((all, layer) => all + layer[of], 0);
    progress({ step: 'Pulling', done: sum('done'), total: sum('total') });
  }
}

/** Without a tag the Engine would pull every tag there is. */
function withTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? reference : `${reference}:latest`;
}

function explainPull(error: unknown, service: ContainerService): unknown {
  const text = error instanceof Error ? error.message : String(error);
  if (/dial tcp|lookup .*: |connection refused|TLS handshake|i\/o timeout|no such host/i.test(text)) {
    return new WcError(
      'ERR_IMAGE_NOT_FOUND',
      `image ${service.image} is not on this machine and its registry cannot be reached`,
      {
        source: service.source,
        hint: 'check the network, or load the image with: docker load',
        cause: error,
      },
    );
  }
  if (/not found|unknown|denied|does not exist/i.test(text)) {
    return new WcError('ERR_IMAGE_NOT_FOUND', `image not found: ${service.image}`, {
      source: service.source,
      hint: 'check the name and the tag, or log in to its registry',
      cause: error,
    });
  }
  return explain(error, `pulling ${service.image}`, service);
}
