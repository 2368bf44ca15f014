import type { ApplyRequest, DownRequest, Listing, ServicesRequest, SupervisorEvent } from '../control/protocol.ts';
import { toWireError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Project } from '../model/project.ts';
import { applyProject } from './apply-request.ts';
import { takeDown } from './down-request.ts';
import { resolveModules } from './image-modules.ts';
import { list as listProject } from './listing.ts';
import { mayUseEngine } from './needs-engine.ts';
import { ProjectState } from './project-state.ts';
import type { Emit, SupervisorParts } from './project-state.ts';
import { Overtaken } from './request-queue.ts';
import type { RequestKind } from './request-queue.ts';
import { changeServices } from './services-request.ts';
import { readProjectFile } from './state-file.ts';

type Ended = Extract<SupervisorEvent, { type: 'end' }>['endedBy'];

/** Applies what clients ask for, one request at a time. */
export class ProjectSupervisor {
  readonly #state: ProjectState;

  constructor(parts: SupervisorParts) {
    this.#state = new ProjectState(parts);
  }

  get name(): ProjectName {
    return this.#state.parts.name;
  }

  get empty(): boolean {
    return this.#state.empty;
  }

  async apply(request: ApplyRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    await this.#exclusive(
      'start',
      emit,
      shutdown,
      async (signal) => await applyProject(this.#state, request, emit, signal),
    );
  }

  async down(request: DownRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    await this.#exclusive(
      request.dryRun ? 'look' : 'down',
      emit,
      shutdown,
      async (signal) => await takeDown(this.#state, request, emit, signal),
    );
  }

  async services(request: ServicesRequest, emit: Emit, shutdown: AbortSignal): Promise<void> {
    const { action } = request;
    const kind = action === 'stop' || action === 'kill' ? action : 'start';
    await this.#exclusive(
      kind,
      emit,
      shutdown,
      async (signal) => await changeServices(this.#state, request, emit, signal),
    );
  }

  /** The truth of the moment, for `ps`. */
  async list(signal: AbortSignal): Promise<Listing> {
    const { name, dirs, engine, instances, wasm } = this.#state.parts;
    const stored = await readProjectFile(dirs.project);
    const needed = mayUseEngine(stored === undefined ? [] : [stored]);
    const live = await wasm.runtime.observe(name, signal);
    return await listProject(
      {
        name,
        stored,
        engine: async () => (needed ? await engine.get(signal) : engine.current),
        lastSeen: instances.containers(),
        wasm: [...live, ...this.#state.notStartedAgain(live)],
      },
      signal,
    );
  }

  /** The project with the modules of images as files, as it was applied last. */
  async applied(project: Project, signal: AbortSignal): Promise<Project> {
    const { dirs, images } = this.#state.parts;
    const stored = await readProjectFile(dirs.project);
    const options = { selected: new Set<string>(), stored, dryRun: false };
    return await resolveModules(project, { files: images, engine: undefined }, options, signal);
  }

  /** Writes down which Wasm instances there are, for the process after this one. */
  async recordWasm(): Promise<void> {
    await this.#state.recordWasm();
  }

  /** Runs one request at a time and always ends its stream with `end`. */
  async #exclusive(
    kind: RequestKind,
    emit: Emit,
    shutdown: AbortSignal,
    task: (signal: AbortSignal) => Promise<readonly WireError[]>,
  ): Promise<void> {
    await this.#state.parts.queue.run(kind, async (overtaken) => {
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
}
