import { child, textOf } from './node.ts';
import type { Node } from './node.ts';

/** A service of this kind runs in this process and not in the Engine. */
export function isWasm(service: Node): boolean {
  if (child(service, 'x-wasm') !== undefined) return true;
  const platform = textOf(child(service, 'platform')) ?? '';
  return WASM_PLATFORM.test(platform) || WASM_RUNTIME.test(textOf(child(service, 'runtime')) ?? '');
}

const WASM_PLATFORM = /^(?:wasi|wasip1|wasip2)\/wasm(?:32)?$/i;
/** containerd shims, and the names under which Docker Desktop and others register the same runtimes. */
const WASM_RUNTIME =
  /^(?:io\.containerd\.)?(?:wasmedge|wasmtime|wasmer|wamr|wasm|spin|slight|lunatic|wws)(?:\.v\d+)?$/i;
