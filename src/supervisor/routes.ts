import type { SupervisorEvent, SupervisorInfo } from '../control/protocol.ts';
import type { Handlers } from '../control/server.ts';
import type { LogHub } from '../logs/hub.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import type { Instances } from './instances.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';

export interface RouteParts {
  readonly info: SupervisorInfo;
  readonly supervisor: ProjectSupervisor;
  readonly instances: Instances;
  readonly hub: LogHub;
  /** Ends when this process is told to end. */
  readonly shutdown: AbortSignal;
  /** Counts open requests; the process does not end while there are any. */
  readonly busy: () => Disposable;
}

export function createRoutes(parts: RouteParts): Handlers {
  const { info, supervisor, instances, hub, shutdown } = parts;
  return {
    'GET /v1/info': async () => info,
    'GET /v1/instances': async ({ signal }) => await supervisor.list(signal),
    'PUT /v1/project': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await supervisor.apply(body, emit, shutdown)),
    'DELETE /v1/project': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await supervisor.down(body, emit, shutdown)),
    'POST /v1/services': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await supervisor.services(body, emit, shutdown)),
    'GET /v1/events': async ({ signal }) => instanceEvents(instances, hub, AbortSignal.any([signal, shutdown])),
    'GET /v1/logs': async ({ query, signal }) =>
      hub.read(
        {
          services: query.getAll('service'),
          after: Number(query.get('after') ?? 0),
          tail: query.has('tail') ? Number(query.get('tail')) : undefined,
          follow: query.get('follow') === '1',
        },
        AbortSignal.any([signal, shutdown]),
      ),
  };
}

/**
 * The events of one request. The work goes on when the client goes away: a killed client leaves the project
 * as it would have become.
 */
function stream(
  parts: RouteParts,
  signal: AbortSignal,
  work: (emit: (event: SupervisorEvent) => void) => Promise<void>,
): AsyncIterable<SupervisorEvent> {
  const queue = new AsyncQueue<SupervisorEvent>(signal);
  const busy = parts.busy();
  void work((event) => queue.push(event)).finally(() => {
    queue.close();
    busy[Symbol.dispose]();
  });
  return queue;
}

async function* instanceEvents(
  instances: Instances,
  hub: LogHub,
  signal: AbortSignal,
): AsyncGenerator<SupervisorEvent> {
  const queue = new AsyncQueue<SupervisorEvent>(signal);
  using _exits = instances.exits.subscribe((exit) => queue.push({ type: 'exited', ...exit, logSeq: hub.seq }));
  using _engine = instances.engineChanges.subscribe((change) => queue.push({ type: 'engine', ...change }));
  queue.push({ type: 'subscribed', running: instances.running });
  yield* queue;
}
