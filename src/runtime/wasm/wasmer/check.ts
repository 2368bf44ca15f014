import { type ErrorDetails, type ErrorCode, WcError } from '../../../model/diagnostic.ts';
import type { MountSpec, WasmService } from '../../../model/project.ts';

/**
 * Throws WcError for the first thing that the service or its module needs and `@wasmer/wasi` does not have. What
 * passes runs: nothing is left for the guest to find out by a trap.
 */
export function checkWasmer(module: WebAssembly.Module, service: WasmService): void {
  checkImports(module, service);
  checkExports(module, service);
  if (service.interface !== 'auto' && service.interface !== 'command') {
    refuse(service, `runs commands only, not "interface: ${service.interface}"`);
  }
  if (service.isolation === 'shared') {
    refuse(service, 'blocks its worker until the command ends: "isolation: shared" is not possible');
  }
  for (const port of service.ports) {
    refuse(service, `has no sockets: port ${port.target} cannot be published`, { source: port.source });
  }
  if (service.listenFd !== undefined) refuse(service, 'has no sockets: "listen_fd" cannot be given');
  for (const { host, port, source } of service.connect ?? []) {
    refuse(service, `has no sockets: it cannot be connected to ${host}:${port}`, { source });
  }
  if (service.healthcheck !== undefined && service.healthcheck.probe.type !== 'none') {
    refuse(service, 'has no sockets and runs one command: there is nothing a healthcheck could ask');
  }
  if (service.stdinOpen === true) refuse(service, 'has no live input: "stdin_open" is not possible');
  for (const mount of service.mounts) checkMount(service, mount);
}

/** What `@wasmer/wasi` 1.2.2 gives to a module that imports all of WASI preview 1, less what cannot work. */
export const WASMER_FUNCTIONS: ReadonlySet<string> = new Set([
  'args_get',
  'args_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'environ_get',
  'environ_sizes_get',
  'fd_advise',
  'fd_allocate',
  'fd_close',
  'fd_datasync',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_filestat_get',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'fd_pread',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  'fd_pwrite',
  'fd_read',
  'fd_readdir',
  'fd_renumber',
  'fd_seek',
  'fd_sync',
  'fd_tell',
  'fd_write',
  'path_create_directory',
  'path_filestat_get',
  'path_filestat_set_times',
  'path_link',
  'path_open',
  'path_readlink',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
  'proc_exit',
  'proc_raise',
  'random_get',
  'sched_yield',
]);

/** Functions that the package has, but that end in a trap or never find a socket. */
export const WASMER_REFUSED: ReadonlyMap<string, string> = new Map([
  ['poll_oneoff', 'its sleep ends in a trap'],
  ['sock_recv', 'it has no sockets'],
  ['sock_send', 'it has no sockets'],
  ['sock_shutdown', 'it has no sockets'],
]);

const WASI_MODULES: ReadonlySet<string> = new Set(['wasi_snapshot_preview1', 'wasi_unstable']);

function checkImports(module: WebAssembly.Module, service: WasmService): void {
  const missing = WebAssembly.Module.imports(module).filter((wanted) => !has(wanted));
  if (missing.length === 0) return;
  const names = missing.map(({ module: from, name }) => {
    const reason = WASI_MODULES.has(from) ? WASMER_REFUSED.get(name) : undefined;
    return `${from}.${name}${reason === undefined ? '' : ` (${reason})`}`;
  });
  const isWasi = missing.every((wanted) => WASI_MODULES.has(wanted.module));
  throw new WcError('ERR_MODULE_IMPORTS', `service ${service.name}: "engine: wasmer" lacks ${names.join(', ')}`, {
    hint: isWasi ? USE_NATIVE : 'The module needs more than WASI preview 1, which is all a command can import here.',
    source: service.source,
  });
}

const USE_NATIVE = 'Use "engine: native" (the default): it has sockets, sleep, host directories and live output.';

function has(wanted: WebAssembly.ModuleImportDescriptor): boolean {
  return wanted.kind === 'function' && WASI_MODULES.has(wanted.module) && WASMER_FUNCTIONS.has(wanted.name);
}

function checkExports(module: WebAssembly.Module, service: WasmService): void {
  const exported = WebAssembly.Module.exports(module);
  const needed = [
    { name: '_start', kind: 'function' },
    { name: 'memory', kind: 'memory' },
  ];
  for (const { name, kind } of needed) {
    if (exported.some((it) => it.name === name && it.kind === kind)) continue;
    throw new WcError('ERR_MODULE_INVALID', `service ${service.name}: the module exports no ${kind} "${name}"`, {
      hint: 'Build it as a command (a program with a main function), not as a library.',
      source: service.source,
    });
  }
}

/** The package's files live in its own memory, without a limit and for this instance only. */
function checkMount(service: WasmService, mount: MountSpec): void {
  const details = { source: mount.origin };
  if (mount.type !== 'tmpfs') {
    refuse(service, `has files in memory only: nothing can be mounted at ${mount.target}`, details, 'ERR_MOUNT');
  }
  if (mount.sizeBytes !== undefined) {
    refuse(service, `cannot limit the size of the tmpfs at ${mount.target}`, details, 'ERR_MOUNT');
  }
  if (mount.readOnly) refuse(service, `cannot make the tmpfs at ${mount.target} read-only`, details, 'ERR_MOUNT');
}

function refuse(
  service: WasmService,
  what: string,
  details: ErrorDetails = {},
  code: ErrorCode = 'ERR_COMPOSE_UNSUPPORTED',
): never {
  throw new WcError(code, `service ${service.name}: "engine: wasmer" ${what}`, {
    hint: USE_NATIVE,
    source: service.source,
    ...details,
  });
}
