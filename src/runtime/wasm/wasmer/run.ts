import type * as Package from '@wasmer/wasi';
import { WcError } from '../../../model/diagnostic.ts';
import type { ExitStatus } from '../../../model/state.ts';
import { ProcessExit } from '../wasi/proc.ts';
import { noteDeepStacks, trapStatus } from '../wasi/trap.ts';

export interface WasmerOptions {
  /** argv, the program's name first. */
  readonly args: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  /** Absolute paths of empty directories in memory: `tmpfs` mounts. The root is one too. */
  readonly directories: readonly string[];
  /** Called once at the most, when the guest has ended, with all that it has written; stdout comes first. */
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
}

/**
 * Runs a command that has passed `checkWasmer` on `@wasmer/wasi`. It blocks this thread until the guest has ended: only
 * `terminate()` of the worker stops it, and what it had written is lost then. Rejects when the module cannot be
 * instantiated, or the package fails.
 */
export async function runWasmer(module: WebAssembly.Module, options: WasmerOptions): Promise<ExitStatus> {
  noteDeepStacks();
  const { WASI } = await loadPackage();
  // `/` is the one preopened directory: the package finds nothing by other spellings of it.
  const wasi = new WASI({ args: [...options.args], env: toRecord(options.env), preopens: { '/': '/' } });
  try {
    makeDirectories(wasi, options.directories);
    const exit = await runGuest(wasi, module);
    const [out, err] = [wasi.getStdoutBuffer(), wasi.getStderrBuffer()];
    if (out.length > 0) options.stdout(out);
    if (err.length > 0) options.stderr(err);
    return exit;
  } finally {
    wasi.free();
  }
}

/** 450 KB of JavaScript with a Wasm module in it, 100 ms to compile: only for those who ask for it. */
async function loadPackage(): Promise<typeof Package> {
  try {
    const loaded = await import('@wasmer/wasi');
    // Further calls wait for the first one's result.
    await loaded.init();
    return loaded;
  } catch (error) {
    throw new WcError('ERR_INTERNAL', '"engine: wasmer" could not be loaded', {
      hint: 'Is the package @wasmer/wasi installed? "engine: native" does not need it.',
      cause: error,
    });
  }
}

async function runGuest(wasi: Package.WASI, module: WebAssembly.Module): Promise<ExitStatus> {
  // The package finds no version of WASI in a module that imports nothing, and refuses it.
  const hasImports = WebAssembly.Module.imports(module).length > 0;
  const imports = hasImports ? (wasi.getImports(module) as WebAssembly.Imports) : {};
  // The package turns an exit into an error of its own that only its start() can read, and its start() turns a trap
  // into text. With our own exit both are what they are for the native engine.
  for (const functions of Object.values(imports)) functions['proc_exit'] = exitProcess;
  const instance = await WebAssembly.instantiate(module, imports);
  if (hasImports) wasi.instantiate(instance);
  try {
    (instance.exports['_start'] as () => void)();
    return { how: 'code', code: 0 };
  } catch (error) {
    if (error instanceof ProcessExit) return { how: 'code', code: error.code };
    const trap = trapStatus(error);
    if (trap === undefined) throw error;
    return trap;
  }
}

function exitProcess(code: number): never {
  throw new ProcessExit(code >>> 0);
}

function makeDirectories(wasi: Package.WASI, directories: readonly string[]): void {
  const files = wasi.fs;
  const made = new Set<string>();
  try {
    for (const directory of directories) {
      let at = '';
      for (const component of directory.split('/')) {
        if (component === '' || component === '.') continue;
        at += `/${component}`;
        if (made.has(at)) continue;
        made.add(at);
        files.createDir(at);
      }
    }
  } finally {
    files.free();
  }
}

function toRecord(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((entry) => {
      const at = entry.indexOf('=');
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
