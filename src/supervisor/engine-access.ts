import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';

import { pickEngineEnv, withEngineEnv } from '../control/engine-env.ts';
import type { EngineEnv } from '../control/engine-env.ts';
import type { LogSink } from '../logs/record.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ContainerService, NetworkSpec, VolumeSpec } from '../model/project.ts';
import type { ObservedResource } from '../model/state.ts';
import type { FabricEngine } from '../net/fabric-engine.ts';
import { untilAborted } from '../net/until-aborted.ts';
import type { ContainerActions } from '../runtime/container-actions.ts';
import type { ContainerImages } from '../runtime/container-images.ts';
import type { ContainerSessions } from '../runtime/container-sessions.ts';
import type { InstanceFiles } from '../runtime/instance-files.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Everything the supervisor uses of a Docker Engine, behind one connection. */
export interface EngineSide extends AsyncDisposable {
  readonly runtime: Runtime<ContainerService>;
  /** `tcp://host:2376 (from DOCKER_HOST)`: for messages. */
  readonly description: string;
  /** False: reached over the network, so its containers may see other directories than this process. */
  readonly isLocal: boolean;
  readonly resources: EngineResources;
  readonly fabric: FabricEngine;
  readonly sessions: ContainerSessions;
  readonly actions: ContainerActions;
  readonly images: ContainerImages;
  /** Copies a container's log into the sink from `since` (epoch ms, exclusive) until it ended or the signal. */
  followLogs(handle: string, since: number | undefined, sink: LogSink, signal: AbortSignal): Promise<void>;
  /** Of a container, whether it runs or not; the name is for messages. */
  files(handle: string, name: string): InstanceFiles;
  /** All of its file system, as an archive. */
  exportContainer(handle: string, signal: AbortSignal): Promise<Readable>;
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

export type ConnectEngine = (env: NodeJS.ProcessEnv, signal: AbortSignal) => Promise<EngineSide>;

/** Connects to the Engine when it is first needed, and only then: a project of Wasm services never asks for one. */
export class EngineAccess implements AsyncDisposable {
  readonly #connect: ConnectEngine;
  readonly #onConnect: (engine: EngineSide) => void;
  readonly #ended = new AbortController();
  #env: NodeJS.ProcessEnv = process.env;
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

  /** Which Engine the client means. False when another one is connected: the project is there, and stays there. */
  choose(env: EngineEnv): boolean {
    if (this.#engine !== undefined) return isDeepStrictEqual(env, pickEngineEnv(this.#env));
    this.#env = withEngineEnv(process.env, env);
    return true;
  }

  /** Throws ERR_ENGINE_UNREACHABLE; the next call tries again. A caller that leaves does not take it from the others. */
  async get(signal: AbortSignal): Promise<EngineSide> {
    if (this.#engine !== undefined) return this.#engine;
    signal.throwIfAborted();
    this.#pending ??= this.#open().finally(() => {
      this.#pending = undefined;
    });
    return await untilAborted(this.#pending, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#pending?.catch(() => {
      // AbortError, ERR_ENGINE_UNREACHABLE: told to whoever asked.
    });
    await this.#engine?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<EngineSide> {
    const engine = await this.#connect(this.#env, this.#ended.signal);
    this.#engine = engine;
    this.#onConnect(engine);
    return engine;
  }
}
