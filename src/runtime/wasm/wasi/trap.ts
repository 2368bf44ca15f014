import type { ExitStatus } from '../../../model/state.ts';

/** How deep a guest's stack is shown. A panic of Rust has ten frames of its own before the guilty one. */
const FRAMES = 32;

/** Makes V8 note that many frames; for the whole thread, so before a guest runs in it. */
export function noteDeepStacks(): void {
  Error.stackTraceLimit = Math.max(Error.stackTraceLimit, FRAMES);
}

/**
 * The exit status of a guest that a trap ended: an `unreachable`, a bad access, an endless recursion, an exception
 * nobody caught. Undefined for an error that is the host's own.
 */
export function trapStatus(error: unknown): Extract<ExitStatus, { how: 'trap' }> | undefined {
  if (error instanceof WebAssembly.RuntimeError) {
    return { how: 'trap', message: error.message, backtrace: wasmFrames(error) };
  }
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack')) {
    return { how: 'trap', message: 'call stack exhausted', backtrace: wasmFrames(error) };
  }
  if (error instanceof WebAssembly.Exception) {
    return { how: 'trap', message: 'uncaught exception', backtrace: wasmFrames(error) };
  }
  // A call that waits, where the guest cannot be suspended: in the start section of its module.
  if (error instanceof WebAssembly.SuspendError) {
    return { how: 'trap', message: 'waits before it has started', backtrace: wasmFrames(error) };
  }
  return undefined;
}

/**
 * V8 names wasm frames by the module's name section: `at main (wasm://wasm/4b2:wasm-function[7]:0x1f0)`. Where that
 * names the module too, it is before the function: `at app.wasm.main (...)`.
 */
const WASM_FRAME =
  /^\s*at (?:async )?(?:(?:\S+?\.wasm\.)?(.+?) )?\(?wasm:\/\/[^\s)]*?(?:wasm-function\[(\d+)\])?:0x([0-9a-f]+)\)?$/;

function wasmFrames(error: { readonly stack?: string | undefined }): readonly string[] {
  const frames: string[] = [];
  for (const line of (error.stack ?? '').split('\n')) {
    const match = WASM_FRAME.exec(line);
    if (match === null) continue;
    const [, name, index, offset] = match;
    frames.push(`${name ?? `function ${index ?? '?'}`} at 0x${offset ?? '?'}`);
    if (frames.length === FRAMES) break;
  }
  return frames;
}
