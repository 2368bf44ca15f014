import type { Project } from '../model/project.ts';
import type { WasmRuntime } from '../runtime/wasm-runtime.ts';

/** The Wasm driver and the fabric its instances live in. */
export interface WasmSide {
  readonly runtime: WasmRuntime;
  /** Names, walls and doors follow this project from now on. */
  setProject(project: Project): void;
  /** Containers of the project came, went or changed their addresses. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Ends instances of `run`, by force. */
  endOneOffs(signal: AbortSignal): Promise<void>;
  /** Relay containers that a supervisor left which died. */
  removeStaleRelays(signal: AbortSignal): Promise<void>;
}
