import type { SupervisorEvent } from '../control/protocol.ts';
import type { ExecRequest, RunRequest, SessionRequest } from '../control/session-protocol.ts';
import type { Session, SessionHandler } from '../control/session-server.ts';
import type { LogHub } from '../logs/hub.ts';
import { WcError } from '../model/diagnostic.ts';
import { attach } from './attach.ts';
import type { ObservedInstance } from '../model/state.ts';
import { chooseInstance } from './choose-instance.ts';
import { serveFiles } from './file-sessions.ts';
import type { FileSessionParts } from './file-sessions.ts';
import type { OneOffs } from './one-offs.ts';
import type { WasmSide } from './wasm-side.ts';

export interface SessionParts extends FileSessionParts {
  readonly wasm: WasmSide;
  readonly hub: LogHub;
  readonly oneOffs: OneOffs;
  /** Ends when this process is told to end. */
  readonly shutdown: AbortSignal;
  /** Counts open sessions; the process does not end while there are any. */
  readonly busy: () => Disposable;
}

/** Commands with a user at the other end. */
export function createSessions(parts: SessionParts): SessionHandler {
  return async (request: SessionRequest, session: Session) => {
    using _busy = parts.busy();
    try {
      return await serve(parts, request, session);
    } catch (error) {
      if (!parts.shutdown.aborted || error instanceof WcError) throw error;
      const hint = 'what runs in containers goes on';
      throw new WcError('ERR_SUPERVISOR_LOST', 'the supervisor was told to end', { hint, cause: error });
    }
  };
}

async function serve(parts: SessionParts, request: SessionRequest, session: Session): Promise<number> {
  switch (request.open) {
    case 'exec':
      return await exec(parts, request, session);
    case 'attach':
      return await attach(parts, request, session);
    case 'copy-in':
    case 'copy-out':
    case 'export':
      return await serveFiles(parts, request, session, AbortSignal.any([parts.shutdown, session.gone]));
    case 'run':
      if (!(await prepare(parts, request, session))) return 1;
      return await parts.oneOffs.run(
        { ...request, project: await parts.supervisor.applied(request.project, parts.shutdown) },
        session,
      );
  }
}

/** False: what failed was told to the client. */
async function prepare(parts: SessionParts, request: RunRequest, session: Session): Promise<boolean> {
  let ok = false;
  const emit = (event: SupervisorEvent): void => {
    if (event.type === 'end') ({ ok } = event);
    session.emit(event);
  };
  const { project, service, withDependencies, build, buildEnvironment, engineEnv } = request;
  const apply = {
    project,
    services: [service],
    withDependencies,
    recreate: 'changed',
    recreateDependencies: 'changed',
    removeOrphans: false,
    ignoreOrphans: false,
    renewVolumes: false,
    changedVolumes: [],
    build,
    buildEnvironment,
    start: true,
    wait: false,
    dryRun: false,
    failFast: false,
    endsWithClient: true,
    engineEnv,
    oneOff: service,
  } as const;
  await parts.supervisor.apply(apply, emit, AbortSignal.any([parts.shutdown, session.gone]));
  return ok;
}

async function exec(parts: SessionParts, request: ExecRequest, session: Session): Promise<number> {
  // Without its user nobody waits for the command; it goes on in the container.
  const signal = AbortSignal.any([parts.shutdown, session.gone]);
  const { instances } = await parts.supervisor.list(signal);
  const instance = (await runningOneOff(parts, request, instances, signal)) ?? chooseInstance(request, instances);
  if (instance.kind === 'wasm') {
    throw new WcError('ERR_USAGE', `${request.service} is a Wasm service: nothing can be run inside of a module`, {
      hint: `wcompose run ${request.service} ARGS starts a new instance of its module with arguments of your own`,
    });
  }
  const engine = await parts.engine.get(signal);
  session.started(instance.name);
  return await engine.sessions.exec(
    instance.handle,
    {
      argv: request.command,
      tty: request.tty,
      stdin: request.stdin,
      detach: request.detach,
      environment: request.environment,
      user: request.user,
      workingDir: request.workingDir,
      privileged: request.privileged,
    },
    session,
    signal,
  );
}

/** Where nothing of the service runs but a container of `run`, that is the one that is meant. */
async function runningOneOff(
  { engine, supervisor }: SessionParts,
  { service, index }: ExecRequest,
  instances: readonly ObservedInstance[],
  signal: AbortSignal,
): Promise<ObservedInstance | undefined> {
  const isRunning = (one: ObservedInstance): boolean => one.service === service && one.state.at === 'running';
  if (index !== undefined || instances.some(isRunning) || engine.current === undefined) return undefined;
  return (await engine.current.actions.oneOffs(supervisor.name, signal)).find(isRunning);
}
