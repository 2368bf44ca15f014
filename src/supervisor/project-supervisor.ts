import { createHash } from 'node:crypto';

import type { ProjectDirs } from '../control/project-dirs.ts';
import type { EngineEnv } from '../control/engine-env.ts';
import type {
  ApplyRequest,
  DownRequest,
  Listing,
  NodeView,
  ServicesRequest,
  SupervisorEvent,
} from '../control/protocol.ts';
import type { LogHub } from '../logs/hub.ts';
import { toWireError, WcError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import { instanceId } from '../model/ids.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Operation, Plan } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { chainPlans, formatPlan } from '../plan/builder.ts';
import { configHashText } from '../plan/config-hash.ts';
import { selectServices } from '../plan/graph.ts';
import { findOrphans, reconcile } from '../plan/reconcile.ts';
import { planRemove } from '../plan/remove.ts';
import { planDown, planRestart, planStart, planStop } from '../plan/teardown.ts';
import { planRun } from '../plan/run.ts';
import { applyPlan, prepareTitle } from './apply-plan.ts';
import { buildModule, modulesToBuild } from './build-module.ts';
import type { EngineAccess, EngineSide } from './engine-access.ts';
import type { Instances } from './instances.ts';
import type { ModuleDigests } from './module-digest.ts';
import { mayUseEngine, servicesNeedingEngine } from './needs-engine.ts';
import { list as listProject } from './listing.ts';
import { observe } from './observe.ts';
import { Overtaken } from './request-queue.ts';
import type { RequestKind, RequestQueue } from './request-queue.ts';
import { checkNames, timedOut, warnOrphans } from './request-notes.ts';
import { runOperation } from './run-operation.ts';
import { readProjectFile, removeProjectFile, writeProjectFile } from './state-file.ts';
import type { ProjectVolumes } from './volumes.ts';
import type { WasmRecord } from './wasm-record.ts';
import type { WasmSide } from './wasm-side.ts';

export interface SupervisorParts {
  readonly name: ProjectName;
  readonly dirs: ProjectDirs;
  readonly hub: LogHub;
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
  readonly volumes: ProjectVolumes;
  readonly instances: Instances;
  readonly digests: ModuleDigests;
  readonly queue: RequestQueue;
  readonly record: WasmRecord;
  /** Wasm instances of the process before this one, as they ended. */
  readonly former: readonly ObservedInstance[];
}

type Emit = (event: SupervisorEvent) => void;
type Ended = Extract<SupervisorEvent, { type: 'end' }>['endedBy'];

/** Applies what clients ask for, one request at a time. */
export class ProjectSupervisor {
  readonly #parts: SupervisorParts;
  /** True after a `down` that left nothing: the process may end. */
  #empty = false;
  /** What nobody has started again yet. */
  #former: readonly ObservedInstance[];

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#former = parts.former;
  }

  get empty(): boolean {
    return this.#empty;
  }

  async apply(request: ApplyRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    await this.#exclusive('start', emit, shutdown, async (signal) => {
      const { project } = request;
      const { dirs, hub, wasm, instances } = this.#parts;
      this.#chooseEngine(request.engineEnv, emit);
      const stored = await readProjectFile(dirs.project);
      const engine = await this.#engineFor([project, ...(stored === undefined ? [] : [stored])], project, signal);
      if (!request.dryRun) {
        await writeProjectFile(dirs.project, project);
        wasm.setProject(project);
        // What is not of this process is a dead supervisor's: its names would be in the way.
        if (engine !== undefined) await wasm.removeStaleRelays(signal);
      }
      if (!request.dryRun) await this.#buildModules(request, emit, signal);
      const observed = await this.#observe(engine, signal);
      const hash = (service: Service): string => this.#hash(service, project);
      const plan =
        request.oneOff === undefined
          ? reconcile(project, observed, { ...request, hash })
          : planRun(project, observed, request.oneOff, { ...request, hash });
      if (!request.removeOrphans) warnOrphans(findOrphans(project, observed), emit);
      emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
      if (request.dryRun) return [];
      this.#empty = false;
      instances.replaceAll(observed.instances, engine);
      const patience = request.waitTimeoutMs === undefined ? undefined : AbortSignal.timeout(request.waitTimeoutMs);
      const bounded = patience === undefined ? signal : AbortSignal.any([signal, patience]);
      const failures = await this.#execute(plan, { project, engine, emit, failFast: request.failFast }, bounded);
      const late = patience?.aborted === true;
      this.#former = this.#former.filter((instance) => project.services[instance.service] !== undefined);
      await this.recordWasm();
      return late ? [...failures, timedOut(request.waitTimeoutMs ?? 0)] : failures;
    });
  }

  /** Before the plan: whether a service is to be made anew depends on its module. */
  async #buildModules(request: ApplyRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    const { project, services, withDependencies } = request;
    const selected = selectServices(project.services, services, withDependencies);
    for (const { service, build } of modulesToBuild(Object.values(selected), request.build)) {
      const tell = (step: string): void =>
        emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) });
      tell('Building');
      const logs = this.#parts.hub.sink(instanceId(service.name, 1));
      await buildModule(service, build, { directory: project.workingDir, logs }, signal);
      tell('Built');
    }
  }

  async down(request: DownRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    await this.#exclusive(request.dryRun ? 'look' : 'down', emit, shutdown, async (signal) => {
      const { dirs, hub, wasm, instances, name } = this.#parts;
      this.#chooseEngine(request.engineEnv, emit);
      const stored = await readProjectFile(dirs.project);
      const project = request.project ?? stored;
      const known = [request.project, stored].filter((one) => one !== undefined);
      const engine = await this.#engineForDown(known, signal);
      const observed = await this.#observe(engine, signal);
      instances.replaceAll(observed.instances, engine);
      if (!request.dryRun) await wasm.endOneOffs(signal);
      const oneOffs = (await engine?.actions.oneOffs(name, signal)) ?? [];
      const all = { ...observed, instances: [...observed.instances, ...oneOffs] };
      const plan = planDown(all, {
        project,
        removeVolumes: request.removeVolumes,
        removeOrphans: request.removeOrphans,
        graceMs: request.timeoutMs,
      });
      emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
      if (request.dryRun) return [];
      const orphans = project === undefined || request.removeOrphans ? [] : findOrphans(project, observed);
      warnOrphans(orphans, emit);
      if (plan.nodes.length === 0 && this.#former.length === 0)
        emit({ type: 'warning', message: `No resource found to remove for project "${name}".` });
      const failures = await this.#execute(plan, { project, engine, emit, failFast: false }, signal);
      // What was not done is still there, and so is what is known of it.
      signal.throwIfAborted();
      if (failures.length > 0 || orphans.length > 0) return failures;
      if (engine !== undefined) await wasm.removeStaleRelays(signal);
      this.#former = [];
      await this.#parts.record.remove();
      await removeProjectFile(dirs.project);
      hub.clear();
      this.#empty = true;
      return [];
    });
  }

  async services(request: ServicesRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    const { action } = request;
    await this.#exclusive(action === 'stop' || action === 'kill' ? action : 'start', emit, shutdown, async (signal) => {
      const { dirs, hub, instances, wasm } = this.#parts;
      this.#chooseEngine(request.engineEnv, emit);
      const project = await readProjectFile(dirs.project);
      const engine = await this.#engineForDown(project === undefined ? [] : [project], signal);
      if (project !== undefined) wasm.setProject(project);
      const observed = await this.#observe(engine, signal);
      checkNames(request.services, project, observed);
      if (observed.instances.length === 0 && this.#former.length === 0) {
        emit({
          type: 'warning',
          message: `Nothing of project "${this.#parts.name}" exists; \`wcompose up\` creates it.`,
        });
        // A process that was started for nothing leaves nothing.
        this.#empty = project === undefined;
      }
      instances.replaceAll(observed.instances, engine);
      const plan = this.#servicesPlan(request, project, observed);
      emit({ type: 'plan', plan, text: formatPlan(plan), logSeq: hub.seq });
      const failures = await this.#execute(plan, { project, engine, emit, failFast: false }, signal);
      if (request.action === 'remove') {
        const left = ({ service }: ObservedInstance): boolean =>
          request.services.length > 0 && !request.services.includes(service);
        this.#former = this.#former.filter(left);
      }
      await this.recordWasm();
      return failures;
    });
  }

  /** The truth of the moment, for `ps`. */
  async list(signal: AbortSignal): Promise<Listing> {
    const { name, dirs, engine, instances, wasm } = this.#parts;
    const stored = await readProjectFile(dirs.project);
    const needed = mayUseEngine(stored === undefined ? [] : [stored]);
    const live = await wasm.runtime.observe(name, signal);
    return await listProject(
      {
        name,
        stored,
        engine: async () => (needed ? await engine.get(signal) : engine.current),
        lastSeen: instances.containers(),
        wasm: [...live, ...this.#notStartedAgain(live)],
      },
      signal,
    );
  }

  /** Writes down which Wasm instances there are, for the process after this one. */
  async recordWasm(): Promise<void> {
    if (this.#empty) return;
    const { wasm, name, record } = this.#parts;
    const live = await wasm.runtime.observe(name, AbortSignal.timeout(RECORD_MS));
    this.#former = this.#notStartedAgain(live);
    await record.write([...live, ...this.#former]);
  }

  #notStartedAgain(live: readonly ObservedInstance[]): readonly ObservedInstance[] {
    const ids = new Set(live.map((instance) => instance.id));
    return this.#former.filter((instance) => !ids.has(instance.id));
  }

  #servicesPlan(request: ServicesRequest, project: Project | undefined, observed: Observed): Plan {
    const { action, services } = request;
    switch (action) {
      case 'stop':
        return planStop(observed, project, services, request.timeoutMs);
      case 'kill':
        return planStop(observed, project, services, 0);
      case 'remove': {
        const ended = [...observed.instances, ...this.#notStartedAgain(observed.instances)];
        return planRemove({ ...observed, instances: ended }, services, request.volumes === true);
      }
      case 'start':
        return chainPlans(planStart(observed, project, services), this.#planFormer(request, project, observed));
      case 'restart':
        return chainPlans(
          planRestart(observed, project, services, request.timeoutMs),
          this.#planFormer(request, project, observed),
        );
    }
  }

  /** Wasm instances end with their supervisor; `start` makes them anew, as it starts a container that stopped. */
  #planFormer(request: ServicesRequest, project: Project | undefined, observed: Observed): Plan {
    const names = this.#notStartedAgain(observed.instances)
      .map((instance) => instance.service)
      .filter((name) => request.services.length === 0 || request.services.includes(name))
      .filter((name) => project?.services[name] !== undefined);
    if (project === undefined || names.length === 0) return { nodes: [] };
    return reconcile(project, observed, {
      recreate: 'never',
      services: [...new Set(names)],
      withDependencies: false,
      removeOrphans: false,
      start: true,
      wait: false,
      hash: (service) => this.#hash(service, project),
    });
  }

  async #execute(
    plan: Plan,
    how: {
      readonly project: Project | undefined;
      readonly engine: EngineSide | undefined;
      readonly emit: Emit;
      readonly failFast: boolean;
    },
    signal: AbortSignal,
  ): Promise<readonly WireError[]> {
    const { wasm, volumes, instances, hub, name } = this.#parts;
    const project = how.project ?? emptyProject(name);
    const context = {
      project,
      engine: how.engine,
      wasm: wasm.runtime,
      refreshFabric: async (inner: AbortSignal) => await wasm.refresh(inner),
      volumes,
      instances,
      hub,
      hash: (service: Service) => this.#hash(service, project),
      progress: (service: Service, { step }: { readonly step: string }) =>
        how.emit({ type: 'node', outcome: 'progress', node: progressView(service, step, project) }),
      warn: (message: string) => how.emit({ type: 'warning', message }),
    };
    const run = async (operation: Operation, inner: AbortSignal): Promise<void> =>
      await runOperation(operation, context, inner);
    return await applyPlan(
      plan,
      { projectName: name, project: how.project, run, emit: how.emit, failFast: how.failFast },
      signal,
    );
  }

  /** Runs one request at a time and always ends its stream with `end`. */
  async #exclusive(
    kind: RequestKind,
    emit: Emit,
    shutdown: AbortSignal,
    task: (signal: AbortSignal) => Promise<readonly WireError[]>,
  ): Promise<void> {
    await this.#parts.queue.run(kind, async (overtaken) => {
      const signal = AbortSignal.any([shutdown, overtaken]);
      const endedBy = (): Ended | undefined => {
        if (!signal.aborted) return undefined;
        return overtaken.reason instanceof Overtaken ? overtaken.reason.by : 'shutdown';
      };
      try {
        const failures = await task(signal);
        emit({ type: 'end', ok: failures.length === 0 && !signal.aborted, failures, endedBy: endedBy() });
      } catch (error) {
        const failures = signal.aborted ? [] : [toWireError(error)];
        emit({ type: 'end', ok: false, failures, endedBy: endedBy() });
      }
    });
  }

  #chooseEngine(env: EngineEnv, emit: Emit): void {
    if (this.#parts.engine.choose(env)) return;
    const message =
      'This project is on another Docker Engine than DOCKER_HOST or the docker context name now, and stays there; `wcompose down` first to move it.';
    emit({ type: 'warning', message });
  }

  async #observe(engine: EngineSide | undefined, signal: AbortSignal): Promise<Observed> {
    const { name, wasm, volumes } = this.#parts;
    return await observe(name, { engine, wasm: wasm.runtime, volumes }, signal);
  }

  /** The Engine, when a service needs it; without one the error names the services. */
  async #engineFor(known: readonly Project[], project: Project, signal: AbortSignal): Promise<EngineSide | undefined> {
    const needed = servicesNeedingEngine(project);
    if (!mayUseEngine(known)) return this.#parts.engine.current;
    try {
      return await this.#parts.engine.get(signal);
    } catch (error) {
      if (!(error instanceof WcError) || error.code !== 'ERR_ENGINE_UNREACHABLE') throw error;
      if (needed.length === 0) return undefined;
      const list = needed.map((service) => service.name).join(', ');
      throw new WcError('ERR_ENGINE_UNREACHABLE', `${error.message} (needed by: ${list})`, {
        source: needed[0]?.source,
        hint: error.hint,
        cause: error,
      });
    }
  }

  /** Removing works without an Engine when there is nothing of it to remove. */
  async #engineForDown(known: readonly Project[], signal: AbortSignal): Promise<EngineSide | undefined> {
    if (!mayUseEngine(known)) return this.#parts.engine.current;
    try {
      return await this.#parts.engine.get(signal);
    } catch (error) {
      if (known.length === 0 && error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return undefined;
      throw error;
    }
  }

  #hash(service: Service, project: Project): string {
    const digest = this.#parts.digests.digest(service);
    return createHash('sha256')
      .update(configHashText(service, project.volumes, project.networks, digest))
      .digest('hex');
  }
}

const RECORD_MS = 5_000;

function progressView(service: Service, detail: string, project: Project): NodeView {
  return {
    id: 0,
    op: 'artifact.prepare',
    subject: `service:${service.name}`,
    title: prepareTitle(service, project),
    outcome: 'progress',
    detail,
  };
}

function emptyProject(name: ProjectName): Project {
  return { version: 1, name, workingDir: '', files: [], services: {}, networks: {}, volumes: {} };
}
