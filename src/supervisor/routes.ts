import type { ProjectDirs } from '../control/project-dirs.ts';
import type { SupervisorEvent, SupervisorInfo } from '../control/protocol.ts';
import type { Handlers } from '../control/server.ts';
import type { LogHub } from '../logs/hub.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import { isUp } from '../model/state.ts';
import type { ObservedInstance } from '../model/state.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import type { Broadcast } from '../util/broadcast.ts';
import type { EngineAccess } from './engine-access.ts';
import { instanceChanges } from './changes.ts';
import { imageRows } from './image-rows.ts';
import { actOnInstances, requireNames } from './instance-actions.ts';
import { allInstances, chooseTargets } from './file-sessions.ts';
import type { Instances } from './instances.ts';
import type { RequestQueue } from './request-queue.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';
import { processTables } from './process-tables.ts';
import { buildImages } from './build-request.ts';
import { pullImages } from './pull.ts';
import { pushImages } from './push.ts';
import { awaitExit } from './wait.ts';
import { instanceStats } from './stats.ts';
import { readProjectFile } from './state-file.ts';
import type { WasmSide } from './wasm-side.ts';

export interface RouteParts {
  readonly info: SupervisorInfo;
  readonly name: ProjectName;
  readonly supervisor: ProjectSupervisor;
  readonly dirs: ProjectDirs;
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
  readonly instances: Instances;
  readonly hub: LogHub;
  readonly queue: RequestQueue;
  readonly notices: Broadcast<string>;
  /** Ends when this process is told to end. */
  readonly shutdown: AbortSignal;
  /** Counts open requests; the process does not end while there are any. */
  readonly busy: () => Disposable;
  /** A client looks for this supervisor and will send a request next. */
  readonly announced: () => void;
}

export function createRoutes(parts: RouteParts): Handlers {
  const { info, supervisor, hub, shutdown } = parts;
  return {
    'GET /v1/info': async () => {
      parts.announced();
      return info;
    },
    'GET /v1/instances': async ({ signal }) => await supervisor.list(signal),
    'POST /v1/instances': async ({ body, signal }) =>
      await actOnInstances(parts, body, (await supervisor.list(signal)).instances, shutdown),
    'POST /v1/pull': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await pullImages(parts, body, emit, AbortSignal.any([signal, shutdown]))),
    'POST /v1/build': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await buildImages(parts, body, emit, AbortSignal.any([signal, shutdown]))),
    'POST /v1/push': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await pushImages(parts, body, emit, AbortSignal.any([signal, shutdown]))),
    'POST /v1/images': async ({ body, signal }) => {
      const { instances: all } = await supervisor.list(signal);
      requireNames(body.services, all);
      const chosen = all.filter(({ service }) => body.services.length === 0 || body.services.includes(service));
      const project = await readProjectFile(parts.dirs.project);
      return await imageRows(parts.engine, { instances: chosen, project }, signal);
    },
    'POST /v1/copy-targets': async ({ body, signal }) => {
      const all = await allInstances(parts, signal);
      return chooseTargets(body, body.oneOffs ? all : all.filter(({ index }) => index > 0)).map(({ name }) => name);
    },
    'POST /v1/wait': async ({ body, signal }) => {
      using _busy = parts.busy();
      return await awaitExit(parts, body.services, AbortSignal.any([signal, shutdown]));
    },
    'GET /v1/changes': async ({ query, signal }) =>
      held(parts, instanceChanges(parts, query.getAll('service'), AbortSignal.any([signal, shutdown]))),
    'GET /v1/stats': async ({ query, signal }) => {
      const services = query.getAll('service');
      const list = async (inner: AbortSignal): Promise<readonly ObservedInstance[]> =>
        (await supervisor.list(inner)).instances;
      requireNames(services, await list(signal));
      const request = { services, all: query.get('all') === '1' };
      return held(parts, instanceStats({ ...parts, list }, request, AbortSignal.any([signal, shutdown])));
    },
    'POST /v1/top': async ({ body, signal }) => {
      const { instances: all } = await supervisor.list(signal);
      requireNames(body.services, all);
      const chosen = all.filter(({ service }) => body.services.length === 0 || body.services.includes(service));
      return await processTables(parts.engine, chosen, signal);
    },
    'PUT /v1/project': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => {
        const until = body.endsWithClient ? AbortSignal.any([shutdown, signal]) : shutdown;
        await supervisor.apply(body, emit, until);
      }),
    'DELETE /v1/project': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await supervisor.down(body, emit, shutdown)),
    'POST /v1/services': async ({ body, signal }) =>
      stream(parts, signal, async (emit) => await supervisor.services(body, emit, shutdown)),
    'GET /v1/events': async ({ query, signal }) =>
      instanceEvents(parts, query.getAll('service'), AbortSignal.any([signal, shutdown])),
    'GET /v1/logs': async ({ query, signal }) =>
      hub.readParts(
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

/** The process does not end while somebody reads the stream. */
async function* held<T>({ busy }: RouteParts, values: AsyncIterable<T>): AsyncGenerator<T> {
  using _busy = busy();
  yield* values;
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
  void run();
  return queue;

  async function run(): Promise<void> {
    try {
      await work((event) => queue.push(event));
    } catch (error) {
      // A body that is not what its route takes: nobody but this client is to suffer.
      queue.push({ type: 'end', ok: false, failures: [toWireError(error)] });
    } finally {
      queue.close();
      busy[Symbol.dispose]();
    }
  }
}

/**
 * Exits and the Engine's comings and goings. How many instances run is looked up where it decides something: events
 * of the two runtimes arrive in no common order, so "nothing runs any more" must not be concluded from them alone.
 */
async function* instanceEvents(
  parts: RouteParts,
  services: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<SupervisorEvent> {
  const { instances, hub, notices } = parts;
  const queue = new AsyncQueue<SupervisorEvent>(signal);
  using _exits = instances.exits.subscribe((exit) => queue.push({ type: 'exited', ...exit, logSeq: hub.seq }));
  using _engine = instances.engineChanges.subscribe((change) => queue.push({ type: 'engine', ...change }));
  using _notices = notices.subscribe((message) => queue.push({ type: 'warning', message }));
  const running = await countRunning(parts, services, signal);
  yield { type: 'subscribed', running, logSeq: hub.seq };
  for await (const event of queue) {
    if (event.type !== 'exited' || event.restarting) yield event;
    else yield { ...event, running: await countLeft(parts, services, signal) };
  }
}

/** What another client restarts, or makes anew, will run again in a moment. */
async function countLeft(parts: RouteParts, services: readonly string[], signal: AbortSignal): Promise<number> {
  const running = await countRunning(parts, services, signal);
  if (running > 0) return running;
  await parts.queue.untilStarted(signal);
  return await countRunning(parts, services, signal);
}

/** None only when also the last lines of the last one are in the log. */
async function countRunning(parts: RouteParts, services: readonly string[], signal: AbortSignal): Promise<number> {
  const { instances, engineAway } = await parts.supervisor.list(signal);
  const watched = instances.filter(({ service }) => services.length === 0 || services.includes(service));
  const up = watched.filter(isUp).length;
  if (up === 0) await parts.instances.untilTold(watched, AbortSignal.any([signal, AbortSignal.timeout(TOLD_MS)]));
  // While the Engine is away its containers may well run: nobody should be told that all is over.
  return engineAway === undefined ? up : Math.max(1, up);
}

/** The Engine's news of an end may be later than the end, but not by so much. */
const TOLD_MS = 5_000;
