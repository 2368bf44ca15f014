import { Errno, errnoOf, WasiError } from './errno.ts';
import { type GuestFunctionRow, PREVIEW1, UNSTABLE } from './functions.ts';
import type { Guest } from './guest.ts';
import { ProcessExit } from './proc.ts';
import { type QuickCall, quickCalls } from './quick-calls.ts';
import { GuestStopped } from './waiters.ts';

/**
 * A function that a guest imports. Numbers arrive unsigned (pointers and descriptors above 2^31 too), 64-bit
 * integers as BigInt. It returns an errno; a promise suspends the guest. It may throw: RangeError for memory that is
 * not the guest's (FAULT), WasiError, errors of Node's APIs; anything else is a bug and ends the guest.
 */
export type HostFunction = (...args: never[]) => number | Promise<number>;

/** A function of the host for a guest whose code runs in other threads: arguments as the guest gave them. */
export type HostCall = (...args: (number | bigint)[]) => number | Promise<number>;

export interface FunctionRow {
  readonly fn: HostFunction;
  /** Whether it may return a promise. A blocking import costs more per call, so only those say it. */
  readonly blocks: boolean;
  /** How many parameters it has, all of them i32, where that is known: see quick-calls.ts. */
  readonly parameters?: number;
}

/** A guest as what it imports knows it. */
export interface LinkedGuest extends Guest {
  /** Set when the guest has exited or was stopped: a guest that catches the unwinding must not go on. */
  ended: Error | undefined;
}

/** The import modules this host answers for. */
const MODULES: ReadonlyMap<string, Readonly<Record<string, GuestFunctionRow>>> = new Map([
  ['wasi_snapshot_preview1', PREVIEW1],
  ['wasi_unstable', UNSTABLE],
]);

/**
 * How many calls that may wait a guest makes without waiting before the event loop gets a turn. A guest that always
 * finds something ready would keep out everything else: its sockets, a stop, the other guests of a shared worker.
 */
const CALLS_AT_ONCE = 128;

type Call = (...args: unknown[]) => number | Promise<number>;

/**
 * The functions that a module imports, made for one guest at a time: where a guest lives for one request only, the next
 * one can have those of the last.
 */
export class Linkage {
  /** Whose calls these are. */
  guest: LinkedGuest | undefined;
  readonly #module: WebAssembly.Module;
  readonly #extra: ReadonlyMap<string, FunctionRow>;
  /** What the last instance was made with. */
  #imports: WebAssembly.Imports | undefined;
  /** Calls that may wait and did not, since the last turn of the event loop. */
  #callsAtOnce = 0;

  /** `functions` override those of both WASI modules or are added to them, by name. */
  constructor(module: WebAssembly.Module, functions: Readonly<Record<string, FunctionRow>> = {}) {
    this.#module = module;
    this.#extra = new Map(Object.entries(functions));
  }

  /** An instance of the module for the guest. Throws LinkError when it imports what is not here. */
  instantiate(memory: WebAssembly.Memory | undefined): WebAssembly.Instance {
    this.#callsAtOnce = 0;
    if (this.#imports !== undefined) return new WebAssembly.Instance(this.#module, this.#with(this.#imports, memory));
    try {
      const quick = this.#quickImports();
      const instance = new WebAssembly.Instance(this.#module, this.#with(quick, memory));
      this.#imports = quick;
      return instance;
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
    }
    // It declares a function with other parameters than are known; nothing of it has run.
    const plain = this.#plainImports();
    const instance = new WebAssembly.Instance(this.#module, this.#with(plain, memory));
    this.#imports = plain;
    return instance;
  }

  /** What the module imports and is here. */
  imports(memory: WebAssembly.Memory | undefined): WebAssembly.Imports {
    return this.#with(this.#plainImports(), memory);
  }

  /** What is here for each of the module's imports, in their order, for code that runs in other threads. */
  calls(): readonly (HostCall | undefined)[] {
    return importsOf(this.#module).map(({ module, name }): HostCall | undefined => {
      const rows = MODULES.get(module);
      return rows && this.#find(rows, name)?.call;
    });
  }

  #plainImports(): Record<string, Record<string, WebAssembly.ImportValue>> {
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const wanted of importsOf(this.#module)) {
      const rows = MODULES.get(wanted.module);
      if (wanted.kind !== 'function' || rows === undefined) continue;
      const found = this.#find(rows, wanted.name);
      if (found === undefined) continue;
      const value = found.blocks ? new WebAssembly.Suspending(found.call) : found.call;
      (imports[wanted.module] ??= {})[wanted.name] = value;
    }
    return imports;
  }

  /** The same, with a quicker way into those that may suspend. */
  #quickImports(): Record<string, Record<string, WebAssembly.ImportValue>> {
    const imports = this.#plainImports();
    for (const [name, rows] of MODULES) {
      const own = imports[name];
      if (own === undefined) continue;
      const calls = Object.keys(own).flatMap((key): readonly QuickCall[] => {
        const found = this.#find(rows, key);
        if (found?.blocks !== true || found.parameters === undefined) return [];
        return [{ name: key, parameters: found.parameters, call: found.call }];
      });
      Object.assign(own, quickCalls(calls));
    }
    return imports;
  }

  #with(imports: WebAssembly.Imports, memory: WebAssembly.Memory | undefined): WebAssembly.Imports {
    if (memory === undefined) return imports;
    const all = { ...imports };
    for (const { module, name, kind } of importsOf(this.#module)) {
      if (kind === 'memory') all[module] = { ...all[module], [name]: memory };
    }
    return all;
  }

  #find(
    rows: Readonly<Record<string, GuestFunctionRow>>,
    name: string,
  ): { readonly call: Call; readonly blocks: boolean; readonly parameters: number | undefined } | undefined {
    const extra = this.#extra.get(name);
    if (extra !== undefined) {
      const { fn, blocks, parameters } = extra;
      return { call: this.#guard(fn as Call, blocks, false), blocks, parameters };
    }
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined) return undefined;
    const { fn, blocks } = row;
    return { call: this.#guard(fn as unknown as Call, blocks, true), blocks, parameters: fn.length - 1 };
  }

  /** The function as the guest calls it: unsigned numbers in, an errno out, whatever is thrown. */
  #guard(call: Call, blocks: boolean, takesGuest: boolean): (...args: unknown[]) => number | Promise<number> {
    return (...args) => {
      const { guest } = this;
      if (guest === undefined) throw new Error('a call without a guest');
      if (guest.ended !== undefined) throw guest.ended;
      for (let i = 0; i < args.length; i++) {
        const arg = args[i];
        if (typeof arg === 'number') args[i] = arg >>> 0;
      }
      try {
        const result = takesGuest ? call(guest, ...args) : call(...args);
        if (typeof result !== 'number') {
          this.#callsAtOnce = 0;
          const settled = result.catch((error: unknown) => answer(guest, error));
          // A guest that could not be suspended (in its start section) does not take it: nobody else would either.
          settled.catch(ignore);
          return settled;
        }
        return blocks && ++this.#callsAtOnce >= CALLS_AT_ONCE ? this.#breathe(guest, result) : result;
      } catch (error) {
        return answer(guest, error);
      }
    };
  }

  #breathe(guest: LinkedGuest, result: number): Promise<number> {
    this.#callsAtOnce = 0;
    return guest.waiters.turn(result);
  }
}

function answer(guest: LinkedGuest, error: unknown): number {
  if (error instanceof WasiError) return error.errno;
  if (error instanceof ProcessExit || error instanceof GuestStopped) {
    guest.ended ??= error;
    throw error;
  }
  // The guest's stack may end inside of a host function; that is no memory fault.
  if (error instanceof RangeError && !error.message.startsWith('Maximum call stack')) return Errno.FAULT;
  if (typeof (error as { readonly code?: unknown } | null)?.code === 'string') return errnoOf(error);
  throw error;
}

function ignore(): void {
  // The guest has it.
}

/** What a module imports: to ask it takes as long as to make an instance of it. */
export function importsOf(module: WebAssembly.Module): readonly WebAssembly.ModuleImportDescriptor[] {
  let imports = IMPORTS.get(module);
  if (imports === undefined) {
    imports = WebAssembly.Module.imports(module);
    IMPORTS.set(module, imports);
  }
  return imports;
}

const IMPORTS = new WeakMap<WebAssembly.Module, readonly WebAssembly.ModuleImportDescriptor[]>();
