import type { LogSink } from '../logs/record.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ContainerService, NetworkSpec, VolumeSpec } from '../model/project.ts';
import type { ObservedResource } from '../model/state.ts';
import type { FabricEngine } from '../net/fabric-engine.ts';
import type { ContainerActions } from '../runtime/container-actions.ts';
import type { ContainerSessions } from '../runtime/container-sessions.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Everything the supervisor uses of a Docker Engine, behind one connection. */
export interface EngineSide extends AsyncDisposable {
  readonly runtime: Runtime<ContainerService>;
  readonly resources: EngineResources;
  readonly fabric: FabricEngine;
  readonly sessions: ContainerSessions;
  readonly actions: ContainerActions;
  /** Copies a container's log into the sink from `since` (epoch ms, exclusive) until it ended or the signal. */
  followLogs(handle: string, since: number | undefined, sink: LogSink, signal: AbortSignal): Promise<void>;
  /** Empties a host directory as root, through a helper container. */
  clearDirectory(path: string, signal: AbortSignal): Promise<void>;
}

export interface EngineResources {
  ensureNetwork(project: ProjectName, network: NetworkSpec, signal: AbortSignal): Promise<void>;
  removeNetwork(network: ObservedResource, signal: AbortSignal): Promise<void>;
  listNetworks(project: ProjectName, signal: AbortSignal): Promise<readonly ObservedResource[]>;
  /** `device`: the host directory that the volume is bound to; undefined: the Engine keeps the files. */
  ensureVolume(
    project: ProjectName,
    volume: VolumeSpec,
    device: string | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Undefined when there is no volume of that name. */
  inspectVolume(name: string, signal: AbortSignal): Promise<{ readonly hostPath: string | undefined } | undefined>;
  removeVolume(name: string, signal: AbortSignal): Promise<void>;
  listVolumes(project: ProjectName, signal: AbortSignal): Promise<readonly ObservedResource[]>;
}

export type ConnectEngine = (signal: AbortSignal) => Promise<EngineSide>;

/** Connects to the Engine when it is first needed, and only then: a project of Wasm services never asks for one. */
export class EngineAccess implements AsyncDisposable {
  readonly #connect: ConnectEngine;
  readonly #onConnect: (engine: EngineSide) => void;
  #pending: Promise<EngineSide> | undefined;
  #engine: EngineSide | undefined;

  constructor(connect: ConnectEngine, onConnect: (engine: EngineSide) => void) {
    this.#connect = connect;
    this.#onConnect = onConnect;
  }

  /** The connection if there is one already. */
  get current(): EngineSide | undefined {
    return this.#engine;
  }

  /** Throws ERR_ENGINE_UNREACHABLE; the next call tries again. */
  async get(signal: AbortSignal): Promise<EngineSide> {
    if (this.#engine !== undefined) return this.#engine;
    this.#pending ??= this.#connect(signal).finally(() => {
      this.#pending = undefined;
    });
    const engine = await this.#pending;
    if (this.#engine === undefined) {
      this.#engine = engine;
      this.#onConnect(engine);
    }
    return this.#engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
  }
}
