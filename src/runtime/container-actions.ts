import type { ProjectName } from '../model/ids.ts';
import type { ObservedInstance } from '../model/state.ts';

/** What is done to, and asked of, single containers beyond their life. */
export interface ContainerActions {
  /** A container that does not run is ERR_ENGINE_REFUSED. */
  kill(handle: string, signalName: string, signal: AbortSignal): Promise<void>;
  pause(handle: string, signal: AbortSignal): Promise<void>;
  unpause(handle: string, signal: AbortSignal): Promise<void>;
  /** Containers of all projects. */
  containers(signal: AbortSignal): Promise<readonly ListedContainer[]>;
  top(handle: string, signal: AbortSignal): Promise<ProcessTable>;
  /** Containers of `run`, also those that docker compose made. */
  oneOffs(project: ProjectName, signal: AbortSignal): Promise<readonly ObservedInstance[]>;
  /** The image a container was made of; undefined when there is no such container. */
  image(handle: string, signal: AbortSignal): Promise<ContainerImage | undefined>;
}

export interface ListedContainer {
  readonly project: string;
  /** The Engine's word: `running`, `exited`. */
  readonly state: string;
  readonly files: readonly string[];
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

export interface ContainerImage {
  readonly id: string;
  /** Both empty when its name stands for another image by now. */
  readonly repository: string;
  readonly tag: string;
  readonly platform: string;
  readonly bytes: number;
  /** Epoch milliseconds; undefined where the image does not say. */
  readonly createdAt: number | undefined;
}
