import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import { isSocketFunction } from './net/functions.ts';
import { PREVIEW1, UNSTABLE } from './wasi/functions.ts';

const WASI: ReadonlyMap<string, object> = new Map<string, object>([
  ['wasi_snapshot_preview1', PREVIEW1],
  ['wasi_unstable', UNSTABLE],
]);

/** What a family of imports that this host does not have is a sign of. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^wasix_|^wasi$/, 'it was built for WASIX (or wasi-threads), which this host does not implement'],
  [/^wasi:/, 'it was built for WASI 0.2; this version runs wasm32-wasip1 modules'],
  [/^(env|a|gojs|go|wbg|\.\/.*|__wbindgen.*)$/, 'it needs a JavaScript program around it; build it for wasm32-wasip1'],
];

/** Throws ERR_MODULE_IMPORTS, with every name that is missing, before anything of the module runs. */
export function checkImports(service: WasmService, module: WebAssembly.Module): void {
  const missing = WebAssembly.Module.imports(module).filter((wanted) => !isProvided(wanted));
  if (missing.length === 0) return;
  const names = [...new Set(missing.map((wanted) => `${wanted.module}.${wanted.name}`))];
  const shown = names.slice(0, SHOWN).join(', ');
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  throw new WcError(
    'ERR_MODULE_IMPORTS',
    `${service.name}: the module imports what the host does not have: ${shown}${more}`,
    {
      source: service.source,
      hint: FAMILIES.find(([pattern]) => missing.some((wanted) => pattern.test(wanted.module)))?.[1],
    },
  );
}

const SHOWN = 10;

function isProvided(wanted: WebAssembly.ModuleImportDescriptor): boolean {
  if (wanted.kind === 'memory') return true;
  const functions = WASI.get(wanted.module);
  if (wanted.kind !== 'function' || functions === undefined) return false;
  return Object.hasOwn(functions, wanted.name) || isSocketFunction(wanted.name);
}
