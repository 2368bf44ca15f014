import type { WasmService } from '../model/project.ts';
import type { Runtime } from './runtime.ts';

/** Wasm instances, and what is done with them beyond their life. */
export interface WasmRuntime extends Runtime<WasmService> {
  /**
   * The standard input of an instance that runs. Several may write to it, each chunk as a whole. ERR_USAGE: it does not
   * run, or its input is not open (`stdin_open`).
   */
  openInput(handle: string): InstanceInput;
}

/** Of one run: after a restart there is another. */
export interface InstanceInput {
  /** Resolves when there is room for more. What the guest does not read before its end is dropped. */
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** The guest finds the end of file behind what was written, and nobody can write any more. */
  end(): void;
}
