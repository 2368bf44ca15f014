import { WcError } from '../../../model/diagnostic.ts';
import type { WasmService } from '../../../model/project.ts';
import type { PreparedModule } from '../modules.ts';
import { SPAWN, THREAD_ENTRY } from './messages.ts';

/** Throws for a module with threads that cannot have them, or not where its service wants to run. */
export function checkThreads(
  service: WasmService,
  { imports, exports, importedMemory }: Pick<PreparedModule, 'imports' | 'exports' | 'importedMemory'>,
): void {
  const spawns = imports.some(({ module, name }) => module === SPAWN.module && name === SPAWN.name);
  const isShared = importedMemory?.shared === true;
  if (!spawns && !isShared) return;
  if (!isShared) {
    const hint = `link it with --import-memory, --shared-memory and --max-memory, as for wasm32-wasi-threads`;
    throw invalid(service, 'the module starts threads, but imports no shared memory that they could have', hint);
  }
  if (spawns && !exports.some(({ name, kind }) => name === THREAD_ENTRY && kind === 'function')) {
    const hint = 'build it for wasm32-wasi-threads (wasm32-wasip1-threads) with -pthread';
    throw invalid(service, `the module starts threads, but does not export ${THREAD_ENTRY}`, hint);
  }
  if (service.isolation === 'shared') {
    const hint = 'leave `isolation` out, or use `isolation: process`';
    throw unsupported(service, 'isolation shared: each of its threads needs a thread that nobody else is in', hint);
  }
  if (service.interface === 'cgi') {
    throw unsupported(service, 'interface cgi: it would have its threads for each request', 'build it without threads');
  }
}

function invalid(service: WasmService, what: string, hint: string): WcError {
  return new WcError('ERR_MODULE_INVALID', `${service.name}: ${what}`, { source: service.source, hint });
}

function unsupported(service: WasmService, what: string, hint: string): WcError {
  const message = `${service.name}: a module with threads and ${what}`;
  return new WcError('ERR_COMPOSE_UNSUPPORTED', message, { source: service.source, hint });
}
