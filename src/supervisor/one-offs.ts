import { randomBytes } from 'node:crypto';

import type { RunRequest } from '../control/session-protocol.ts';
import type { Session } from '../control/session-server.ts';
import type { LogHub } from '../logs/hub.ts';
import { WcError } from '../model/diagnostic.ts';
import { instanceId, oneOffId } from '../model/ids.ts';
import type { InstanceId } from '../model/ids.ts';
import type { ContainerService, Project, Service, WasmService } from '../model/project.ts';
import { exitCode } from '../model/state.ts';
import { oneOffService } from '../plan/one-off.ts';
import type { CreateRequest } from '../runtime/runtime.ts';
import type { WasmRuntime } from '../runtime/wasm-runtime.ts';
import type { EngineAccess, EngineSide } from './engine-access.ts';
import { sessionLog } from './session-log.ts';
import { traceError } from './trace.ts';
import type { ProjectVolumes } from './volumes.ts';

export interface OneOffParts {
  readonly engine: EngineAccess;
  /** The runtime that shows all of its instances. */
  readonly wasm: WasmRuntime;
  /** What the project does not see of them. */
  readonly hidden: Set<InstanceId>;
  readonly volumes: ProjectVolumes;
  readonly hub: LogHub;
  readonly shutdown: AbortSignal;
  readonly busy: () => Disposable;
}

/**
 * Instances for one command. They go on when their client goes away: a migration does not end with the connection of
 * whoever started it. One with a terminal gets the hangup that a lost terminal means.
 */
export class OneOffs {
  readonly #parts: OneOffParts;

  constructor(parts: OneOffParts) {
    this.#parts = parts;
  }

  /** Everything it needs is there; resolves with the exit status of its command. */
  async run(request: RunRequest, session: Session): Promise<number> {
    const { project } = request;
    const found = project.services[request.service];
    if (found === undefined) throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${request.service}`);
    const slug = randomBytes(6).toString('hex');
    const name = request.name ?? `${project.name}-${request.service}-run-${slug}`;
    const service = oneOffService(found, { ...request, name, slug });
    const made = { request, name, slug, project };
    return service.kind === 'wasm'
      ? await this.#runModule(service, made, session)
      : await this.#runContainer(service, made, session);
  }

  async #runContainer(service: ContainerService, made: Made, session: Session): Promise<number> {
    const { request, name, slug } = made;
    const { shutdown } = this.#parts;
    const engine = await this.#parts.engine.get(shutdown);
    const id = oneOffId(service.name, slug);
    const { stdin, useAliases, tty } = request;
    const oneOff = { slug, stdin: stdin && !request.detach, useAliases };
    const handle = await engine.runtime.create({ ...(await this.#createRequest(service, id, made)), oneOff }, shutdown);
    const remove = async (): Promise<void> => await removeContainer(engine, handle, { id, project: made.project });
    let running = false;
    const start = async (): Promise<void> => {
      await engine.runtime.start(handle, shutdown);
      running = true;
      session.started(name);
      if (!request.detach && session.gone.aborted && tty) void tell(engine, handle, 'SIGHUP');
    };
    try {
      if (request.detach) {
        await start();
        if (request.remove) this.#afterwards(async () => void (await engine.sessions.wait(handle, shutdown)), remove);
        return 0;
      }
      session.onSignal((signalName) => void tell(engine, handle, signalName));
      const hangUp = (): void => {
        if (tty && running) void tell(engine, handle, 'SIGHUP');
      };
      session.gone.addEventListener('abort', hangUp);
      const code = await engine.sessions.attach(handle, { tty, stdin: oneOff.stdin, start }, session, shutdown);
      if (code !== undefined) {
        if (request.remove) await remove();
        return code;
      }
      // The user detached from it.
      if (request.remove) this.#afterwards(async () => void (await engine.sessions.wait(handle, shutdown)), remove);
      return 0;
    } catch (error) {
      // What never ran is of no use to anybody.
      if (!running) await remove();
      throw error;
    }
  }

  async #runModule(found: WasmService, made: Made, session: Session): Promise<number> {
    const { wasm, hidden, hub, shutdown } = this.#parts;
    const { request, name, project } = made;
    const service = request.detach ? found : { ...found, stdinOpen: request.stdin };
    const id = instanceId(service.name, 1);
    hidden.add(id);
    const ended = new AbortController();
    const events = wasm.events(project.name, AbortSignal.any([shutdown, ended.signal]));
    const logs = request.detach ? hub.sink(id) : sessionLog(session);
    const remove = async (): Promise<void> => {
      ended.abort();
      await wasm.remove(id, AbortSignal.timeout(CLEANUP_MS));
      hidden.delete(id);
      logs.flush();
    };
    const untilExit = async (): Promise<number> => {
      for await (const event of events) if (event.type === 'exited' && event.id === id) return exitCode(event.exit);
      return exitCode({ how: 'killed' });
    };
    let left = false;
    try {
      await wasm.create({ ...(await this.#createRequest(service, id, made)), logs }, shutdown);
      session.onSignal((signalName) => {
        const graceMs = signalName === 'SIGKILL' ? 0 : service.stopGraceMs;
        void wasm.stop(id, graceMs, shutdown).catch(traceError);
      });
      const exit = untilExit();
      await wasm.start(id, shutdown);
      session.started(name);
      if (!request.detach) {
        if (request.stdin) void this.#feed(id, session, ended.signal);
        return await exit;
      }
      left = true;
      this.#afterwards(async () => void (await exit), remove);
      return 0;
    } finally {
      if (!left) await remove();
    }
  }

  /** What the user types is the instance's input, to their end of file, or until they leave. */
  async #feed(id: InstanceId, session: Session, signal: AbortSignal): Promise<void> {
    const { wasm } = this.#parts;
    try {
      const input = wasm.openInput(id);
      const end = (): void => input.end();
      session.gone.addEventListener('abort', end, { once: true });
      for await (const chunk of session.input) await input.write(chunk as Uint8Array, signal);
      end();
    } catch (error) {
      // ERR_USAGE, AbortError: it has ended already, and needs no input.
      if (!signal.aborted && !(error instanceof WcError)) traceError(error);
    }
  }

  async #createRequest<S extends Service>(service: S, id: InstanceId, made: Made): Promise<CreateRequest<S>> {
    const { volumes, hub, shutdown } = this.#parts;
    const { project } = made;
    return {
      id,
      index: 1,
      project: project.name,
      service,
      configHash: '',
      mounts: await volumes.resolve(project, service, shutdown),
      networks: service.networks.flatMap((network) => project.networks[network.network] ?? []),
      workingDir: project.workingDir,
      configFiles: project.files,
      logs: hub.sink(id),
    };
  }

  /** In the background; this process stays until it is done. */
  #afterwards(wait: () => Promise<void>, then: () => Promise<void>): void {
    const busy = this.#parts.busy();
    const both = async (): Promise<void> => {
      try {
        await wait();
        await then();
      } catch (error) {
        if (!this.#parts.shutdown.aborted) traceError(error);
      } finally {
        busy[Symbol.dispose]();
      }
    };
    void both();
  }
}

interface Made {
  readonly request: RunRequest;
  readonly project: Project;
  readonly name: string;
  readonly slug: string;
}

/** With the volumes that were made for it and have no name. */
async function removeContainer(
  engine: EngineSide,
  handle: string,
  { id, project }: { readonly id: InstanceId; readonly project: Project },
): Promise<void> {
  const signal = AbortSignal.timeout(CLEANUP_MS);
  await engine.runtime.remove(handle, signal);
  const volumes = await engine.resources.listVolumes(project.name, signal);
  for (const { name } of volumes.filter((volume) => volume.instance === id))
    await engine.resources.removeVolume(name, signal);
}

/** It may have ended meanwhile. */
async function tell(engine: EngineSide, handle: string, name: string): Promise<void> {
  try {
    await engine.actions.kill(handle, name, AbortSignal.timeout(CLEANUP_MS));
  } catch (error) {
    if (!(error instanceof WcError) || error.code !== 'ERR_ENGINE_REFUSED') traceError(error);
  }
}

const CLEANUP_MS = 15_000;
