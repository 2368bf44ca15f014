import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import { BinaryFormatError } from './binary-reader.ts';
import { capLimits, type CappedModule, LimitError, type MemoryImport, moduleLayer } from './cap-limits.ts';
import { checkImports } from './check-imports.ts';
import { parseComponent, type ParsedComponent } from './component/parse.ts';
import { checkComponentImports, componentRole, type PreparedComponent } from './component/prepare.ts';
import { UnsupportedComponentError } from './component/unsupported.ts';
import { type CoreImport, type CoreModule, readCoreModule } from './inspect/core-module.ts';
import { liftMemory } from './lift-memory.ts';
import { checkThreads } from './threads/check-threads.ts';
import { checkWasmer } from './wasmer/check.ts';

/** A module that can be started: compiled once, posted to every worker that runs it. */
export interface PreparedModule {
  /** Undefined for a component, and for a service with a process of its own: only that compiles it. */
  readonly module: WebAssembly.Module | undefined;
  readonly component: PreparedComponent | undefined;
  readonly exports: CoreModule['exports'];
  readonly imports: readonly CoreImport[];
  /** The module with its limits written into it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly digest: string;
  /** What the program is called: argv[0]. */
  readonly name: string;
  readonly importedMemory: MemoryImport | undefined;
  /** It knows WasmEdge's socket functions. */
  readonly opensSockets: boolean;
  /** It takes connections, but only from a listener that the host opened. */
  readonly wantsListener: boolean;
  /** It carries files of its own (wasi-vfs), and what does that keeps its `close` of a connection from the host. */
  readonly closesByShutdown: boolean;
}

/** The modules of the driver's services, by their contents. What is no longer asked for is forgotten by its file. */
export class Modules {
  readonly #reading = new Map<string, Promise<Omit<ModuleFile, 'file'>>>();
  readonly #byFile = new Map<string, { readonly key: string; readonly prepared: Promise<PreparedModule> }>();

  /** Reads, checks and compiles the service's module; the same bytes under the same limit only once. */
  async load(service: WasmService): Promise<PreparedModule> {
    const file = fileOf(service);
    const { bytes, digest } = await this.#read(file, service);
    const kind = `${service.memoryBytes ?? ''}:${compilesItself(service)}:${service.interface === 'cgi'}`;
    const key = `${digest}:${kind}`;
    const slot = `${file}:${kind}`;
    const known = this.#byFile.get(slot);
    const prepared = known?.key === key ? known.prepared : prepare(service, { file, bytes, digest });
    this.#byFile.set(slot, { key, prepared });
    try {
      const ready = await prepared;
      checkModule(service, ready);
      return ready;
    } catch (error) {
      this.#byFile.delete(slot);
      throw error;
    }
  }

  /** Services that are prepared at the same time and have one file read it once. */
  async #read(file: string, service: WasmService): Promise<Omit<ModuleFile, 'file'>> {
    const key = await stampOf(file);
    const others = this.#reading.get(key);
    if (others !== undefined) return await others;
    const reading = readWhole(file, service);
    this.#reading.set(key, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(key);
    }
  }
}

interface ModuleFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** Another one as soon as the file is another. */
async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch {
    // ENOENT, EACCES: reading it tells.
    return file;
  }
}

async function readWhole(file: string, service: WasmService): Promise<Omit<ModuleFile, 'file'>> {
  const bytes = await read(file, service);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

async function prepare(service: WasmService, file: ModuleFile): Promise<PreparedModule> {
  const layer = moduleLayer(file.bytes);
  if (layer === 'unknown') throw invalid(service, file, 'is not a WebAssembly module');
  if (layer === 'component') return await prepareComponent(service, file);
  const itself = cap(service, file);
  const capped = service.interface === 'cgi' ? liftMemory(itself) : itself;
  const module = compilesItself(service) ? undefined : await compile(service, file, capped.bytes);
  const { imports: all, exports } = readCoreModule(file.bytes);
  const imports = new Set(all.map(({ name }) => name));
  return {
    module,
    component: undefined,
    exports,
    imports: all,
    bytes: capped.bytes,
    digest: file.digest,
    name: path.basename(file.file),
    importedMemory: capped.importedMemory,
    opensSockets: imports.has('sock_open') || imports.has('sock_open_v2'),
    closesByShutdown: exports.some(({ name }) => name === 'wasi_vfs_pack_fs'),
    wantsListener:
      (imports.has('sock_accept') || imports.has('sock_accept_v2')) &&
      !(imports.has('sock_listen') || imports.has('sock_listen_v2')),
  };
}

/** A module that is not trusted is compiled where it runs; the check of `wasmer` needs it compiled. */
function compilesItself(service: WasmService): boolean {
  return service.isolation === 'process' && service.engine === 'native';
}

/** Each of its core modules by itself is held to the limits: they are one program, and one of them has its memory. */
async function prepareComponent(service: WasmService, file: ModuleFile): Promise<PreparedModule> {
  const { root, modules } = parse(service, file);
  const compiled = modules.map(async (bytes) => {
    const part = { ...file, bytes };
    const capped = cap(service, part);
    if (capped.importedMemory?.shared === true) {
      throw invalid(service, file, 'needs threads, which components do not have here', 'build it without threads');
    }
    return compilesItself(service) ? capped.bytes : await compile(service, part, capped.bytes);
  });
  return {
    module: undefined,
    component: { root, modules: await Promise.all(compiled) },
    imports: [],
    exports: [],
    bytes: new Uint8Array(0),
    digest: file.digest,
    name: path.basename(file.file),
    importedMemory: undefined,
    opensSockets: false,
    wantsListener: false,
    closesByShutdown: false,
  };
}

function parse(service: WasmService, file: ModuleFile): ParsedComponent {
  try {
    return parseComponent(file.bytes);
  } catch (error) {
    if (error instanceof UnsupportedComponentError) {
      const hint = 'build it for WASI 0.2';
      throw invalid(service, file, `needs what the host does not have: ${error.message}`, hint, error);
    }
    if (!(error instanceof BinaryFormatError)) throw error;
    throw invalid(service, file, `cannot be read: ${error.message}`, undefined, error);
  }
}

/** What the engine of the service needs of it, before anything of it runs. */
function checkModule(service: WasmService, prepared: PreparedModule): void {
  const { imports, exports, module, component } = prepared;
  if (component !== undefined) {
    componentRole(service, component.root);
    for (const { host, port, source } of service.connect ?? []) {
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: a component cannot find ${host}:${port} open`, {
        source,
        hint: 'leave x-wasm.connect out: it has functions to connect itself (wasi:sockets, wasi:http)',
      });
    }
    checkComponentImports(service, component.root);
    return;
  }
  if (service.engine === 'wasmer') {
    if (module !== undefined) checkWasmer(module, service);
    return;
  }
  if (service.interface === 'http') {
    throw new WcError('ERR_MODULE_INVALID', `${service.name}: a core module cannot answer wasi:http requests`, {
      source: service.source,
      hint: 'build it as a component, or leave `interface` out when it brings its own server',
    });
  }
  checkImports(service, imports);
  checkThreads(service, prepared);
  if (exports.some(({ name, kind }) => name === '_start' && kind === 'function')) return;
  throw new WcError('ERR_MODULE_INVALID', `${service.name}: the module has no _start`, {
    source: service.source,
    hint: 'it is a library and no program: build it with a main function',
  });
}

function cap(service: WasmService, file: ModuleFile): CappedModule {
  try {
    return capLimits(file.bytes, service.memoryBytes);
  } catch (error) {
    if (error instanceof LimitError) {
      throw invalid(service, file, `cannot run: ${error.message}`, undefined, error);
    }
    if (!(error instanceof BinaryFormatError)) throw error;
    throw invalid(service, file, `cannot be read: ${compileError(file.bytes) ?? error.message}`, undefined, error);
  }
}

async function compile(
  service: WasmService,
  file: ModuleFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    throw invalid(service, file, `does not compile: ${plain(error)}`, undefined, error);
  }
}

/** What the engine says of bytes that are no module; undefined when it likes them better than we do. */
function compileError(bytes: Uint8Array): string | undefined {
  try {
    void new WebAssembly.Module(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? plain(error) : String(error);
  }
}

function plain(error: Error): string {
  return error.message.replace(/^WebAssembly\.\w+\(\): /, '');
}

async function read(file: string, service: WasmService): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${(error as Error).message}`;
    throw new WcError('ERR_MODULE_NOT_FOUND', `${service.name}: module ${file} ${why}`, {
      source: service.source,
      hint: code === 'ENOENT' ? 'build it, or correct the path' : undefined,
      cause: error,
    });
  }
}

function fileOf(service: WasmService): string {
  const { module } = service;
  switch (module.from) {
    case 'file':
      return module.path;
    case 'oci':
    case 'catalog': {
      const name = module.from === 'oci' ? module.reference : `${module.name}@${module.version}`;
      throw new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: module ${name} is not a file`, {
        source: service.source,
        hint: 'this version runs modules from files and from images of the Engine',
      });
    }
  }
}

function invalid(service: WasmService, file: ModuleFile, what: string, hint?: string, cause?: unknown): WcError {
  return new WcError('ERR_MODULE_INVALID', `${service.name}: ${file.file} ${what}`, {
    source: service.source,
    hint,
    cause,
  });
}
