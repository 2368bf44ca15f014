import { createHash } from 'node:crypto';

import type { EngineEnv } from '../control/engine-env.ts';
import type { ProjectDirs } from '../control/project-dirs.ts';
import type { SupervisorEvent } from '../control/protocol.ts';
import type { LogHub } from '../logs/hub.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import { configHashText, containerConfigText } from '../plan/config-hash.ts';
import type { ImageFiles } from '../storage/image-files.ts';
import type { EngineAccess, EngineSide } from './engine-access.ts';
import type { Instances } from './instances.ts';
import type { ModuleDigests } from './module-digest.ts';
import { observe } from './observe.ts';
import type { RequestQueue } from './request-queue.ts';
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
  readonly images: ImageFiles;
  readonly instances: Instances;
  readonly digests: ModuleDigests;
  readonly queue: RequestQueue;
  readonly record: WasmRecord;
  /** Wasm instances of the process before this one, as they ended. */
  readonly former: readonly ObservedInstance[];
}

export type Emit = (event: SupervisorEvent) => void;

/** What all requests of one project share. */
export class ProjectState {
  readonly parts: SupervisorParts;
  /** True after a `down` that left nothing: the process may end. */
  empty = false;
  /** Wasm instances of the process before this one that nobody has started again yet. */
  former: readonly ObservedInstance[];

  constructor(parts: SupervisorParts) {
    this.parts = parts;
    this.former = parts.former;
  }

  async observe(engine: EngineSide | undefined, signal: AbortSignal): Promise<Observed> {
    const { name, wasm, volumes } = this.parts;
    return await observe(name, { engine, wasm: wasm.runtime, volumes }, signal);
  }

  /** Of the former instances those that are not among these. */
  notStartedAgain(live: readonly ObservedInstance[]): readonly ObservedInstance[] {
    const ids = new Set(live.map((instance) => instance.id));
    return this.former.filter((instance) => !ids.has(instance.id));
  }

  /** Writes down which Wasm instances there are, for the process after this one. */
  async recordWasm(): Promise<void> {
    if (this.empty) return;
    const { wasm, name, record } = this.parts;
    const live = await wasm.runtime.observe(name, AbortSignal.timeout(RECORD_MS));
    this.former = this.notStartedAgain(live);
    await record.write([...live, ...this.former]);
  }

  /** `instances`: those that the service may refer to. */
  hash(service: Service, project: Project, instances: readonly ObservedInstance[]): string {
    if (service.kind === 'wasm') {
      const digest = this.parts.digests.digest(service);
      return sha256(configHashText(service, project.volumes, project.networks, digest));
    }
    const { config } = service;
    if ('hash' in config) return config.hash;
    return sha256(containerConfigText(config.parts, (name) => firstOf(name, instances)?.handle));
  }

  /** Takes the Engine that the client means, and says so when the project is on another. */
  chooseEngine(env: EngineEnv, emit: Emit): void {
    if (this.parts.engine.choose(env)) return;
    const message =
      'This project is on another Docker Engine than DOCKER_HOST or the docker context name now, and stays there; `wcompose down` first to move it.';
    emit({ type: 'warning', message });
  }
}

/** The container that others mean when they name a service. */
function firstOf(service: string, instances: readonly ObservedInstance[]): ObservedInstance | undefined {
  return instances.filter((one) => one.service === service).toSorted((a, b) => a.index - b.index)[0];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const RECORD_MS = 5_000;
