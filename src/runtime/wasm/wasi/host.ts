import { WcError } from '../../../model/diagnostic.ts';
import type { ExitStatus } from '../../../model/state.ts';
import { type Clock, systemClock } from './clock.ts';
import { ENTRIES } from './entries.ts';
import { DescriptorTable } from './descriptor-table.ts';
import { Errno, errnoOf, WasiError } from './errno.ts';
import { stringList } from './args.ts';
import type { LazyMount, Mount } from './fs/directory.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import { type GuestFunctionRow, PREVIEW1, UNSTABLE } from './functions.ts';
import type { Guest, StringList } from './guest.ts';
import { GuestMemory } from './guest-memory.ts';
import { ProcessExit } from './proc.ts';
import { type QuickCall, quickCalls } from './quick-calls.ts';
import { InputStream, OutputStream } from './stdio.ts';
import { noteDeepStacks, trapStatus } from './trap.ts';
import { GuestStopped, Waiters } from './waiters.ts';

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

export interface HostOptions {
  readonly args: readonly string[];
  /** `NAME=value`; laid out already where they are no texts but bytes. */
  readonly env: readonly string[] | StringList;
  /**
   * Gets each write of the guest, at once and in order, 1 MiB at the most; the bytes are the receiver's. Returns it a
   * promise, the guest waits until that is settled: so a reader that is slower than the guest holds it back.
   */
  stdout(chunk: Uint8Array<ArrayBuffer>): void | Promise<void>;
  stderr(chunk: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Whether stdout is a pipe to a program rather than for somebody to read: the guest then need not write by lines. */
  readonly isPiped?: boolean;
  /** Whether the guest's stdin waits for `host.stdin.push()`; else it is empty. */
  readonly stdinOpen?: boolean;
  readonly mounts: readonly (Mount | LazyMount)[];
  /** Functions that override those of both WASI modules or are added to them, by name. */
  functions?(host: WasiHost): Readonly<Record<string, FunctionRow>>;
  readonly clock?: Clock;
  /** Called when the guest is about to run: after each wait. */
  readonly onTurn?: () => void;
  /** How many descriptors may be open at once; default 4096. */
  readonly descriptorLimit?: number;
  /** The memory that the module imports, when it does. */
  readonly memory?: WebAssembly.Memory;
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

function ignore(): void {
  // The guest has it.
}

/** One guest and everything it can see. */
export class WasiHost implements Guest {
  readonly memory = new GuestMemory();
  readonly table: DescriptorTable;
  readonly waiters: Waiters;
  readonly clock: Clock;
  readonly args: StringList;
  readonly env: StringList;
  readonly stdin: InputStream;
  readonly #options: HostOptions;
  readonly #mounts: readonly OpenDirectory[];
  readonly #extra: ReadonlyMap<string, FunctionRow>;
  /** Set when the guest has exited or was stopped: a guest that catches the unwinding must not go on. */
  #ended: Error | undefined;
  /** Calls that may wait and did not, since the last turn of the event loop. */
  #callsAtOnce = 0;

  /**
   * Takes the mounts over: they are closed when the guest has ended. Throws ERR_COMPOSE_INVALID, and takes nothing,
   * for an argument or variable with a NUL.
   */
  constructor(options: HostOptions) {
    this.#options = options;
    this.waiters = new Waiters(options.onTurn);
    this.table = new DescriptorTable(options.descriptorLimit);
    this.clock = options.clock ?? systemClock();
    this.args = stringList(options.args);
    this.env = 'bytes' in options.env ? options.env : stringList(options.env);
    this.stdin = new InputStream(this.waiters, options.stdinOpen === true);
    this.table.add(this.stdin);
    this.table.add(new OutputStream(this.waiters, (chunk) => options.stdout(chunk), options.isPiped));
    this.table.add(new OutputStream(this.waiters, (chunk) => options.stderr(chunk)));
    this.#mounts = options.mounts.map((mount) => new OpenDirectory(mount.directory, mount.guestPath));
    for (const mount of this.#mounts) this.table.add(mount);
    this.#extra = new Map(Object.entries(options.functions?.(this) ?? {}));
  }

  /** What the module imports and this host has. Every value is bound to this host. */
  imports(module: WebAssembly.Module): WebAssembly.Imports {
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const wanted of WebAssembly.Module.imports(module)) {
      const value = this.#provide(wanted);
      if (value !== undefined) (imports[wanted.module] ??= {})[wanted.name] = value;
    }
    return imports;
  }

  /** What the module imports and this host does not have, as `module.name`. */
  missingImports(module: WebAssembly.Module): readonly string[] {
    return WebAssembly.Module.imports(module)
      .filter((wanted) => this.#provide(wanted) === undefined)
      .map((wanted) => `${wanted.module}.${wanted.name}`);
  }

  /**
   * Runs the module to its end: `_initialize`, when there is one, and `_start`. Resolves with how it ended; rejects
   * only when it cannot be instantiated, has neither of the two, or the host itself is at fault. Everything the guest
   * had open is closed then.
   */
  async run(module: WebAssembly.Module): Promise<ExitStatus> {
    noteDeepStacks();
    try {
      // Before the instance is there, for a module whose start section already calls us.
      if (this.#options.memory !== undefined) this.memory.bind(this.#options.memory);
      this.#options.onTurn?.();
      const instance = await this.#instantiate(module);
      this.#bindMemory(instance);
      const entries = ENTRIES.map((name) => instance.exports[name]).filter((entry) => typeof entry === 'function');
      if (entries.length === 0)
        throw new WcError('ERR_MODULE_INVALID', `the module exports none of ${ENTRIES.join(', ')}`);
      for (const entry of entries) {
        // Through `promising` both: a JavaScript frame below a suspending import would be an error.
        this.#options.onTurn?.();
        await WebAssembly.promising(entry)();
        // A guest can catch what unwinds it and return as if nothing had been.
        if (this.#ended !== undefined) return this.#exitStatus(this.#ended);
      }
      return { how: 'code', code: 0 };
    } catch (error) {
      return this.#exitStatus(error);
    } finally {
      this.#close();
    }
  }

  /**
   * As `run`, for a module whose code runs in other threads: `runThreads` gets what this host has for each of the
   * module's imports, and resolves with how it ended or rejects with what a call threw.
   */
  async runElsewhere(
    module: WebAssembly.Module,
    runThreads: (calls: readonly (HostCall | undefined)[]) => Promise<ExitStatus>,
  ): Promise<ExitStatus> {
    try {
      if (this.#options.memory !== undefined) this.memory.bind(this.#options.memory);
      const calls = WebAssembly.Module.imports(module).map(({ module: from, name }): HostCall | undefined => {
        const rows = MODULES.get(from);
        const row = rows && this.#row(rows, name);
        return row && this.#guard(row.fn, row.blocks);
      });
      return await runThreads(calls);
    } catch (error) {
      return this.#exitStatus(error);
    } finally {
      this.#close();
    }
  }

  /** Ends the guest at its next call or in the one that it waits in. A guest that only computes does not notice. */
  stop(): void {
    this.#ended ??= new GuestStopped();
    this.waiters.stop();
  }

  async #instantiate(module: WebAssembly.Module): Promise<WebAssembly.Instance> {
    try {
      return await WebAssembly.instantiate(module, this.#quickImports(module));
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
    }
    // It declares a function with other parameters than are known; nothing of it has run.
    return await WebAssembly.instantiate(module, this.imports(module));
  }

  #provide(wanted: WebAssembly.ModuleImportDescriptor): WebAssembly.ImportValue | undefined {
    if (wanted.kind === 'memory') return this.#options.memory;
    const rows = MODULES.get(wanted.module);
    if (wanted.kind !== 'function' || rows === undefined) return undefined;
    const row = this.#row(rows, wanted.name);
    if (row === undefined) return undefined;
    const guarded = this.#guard(row.fn, row.blocks);
    return row.blocks ? new WebAssembly.Suspending(guarded) : guarded;
  }

  #row(rows: Readonly<Record<string, GuestFunctionRow>>, name: string): FunctionRow | undefined {
    const extra = this.#extra.get(name);
    if (extra !== undefined) return extra;
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    return row && { ...row, fn: row.fn.bind(undefined, this), parameters: row.fn.length - 1 };
  }

  /** `imports`, with a quicker way into those that may suspend. */
  #quickImports(module: WebAssembly.Module): WebAssembly.Imports {
    const imports = this.imports(module);
    for (const [name, rows] of MODULES) {
      const own = imports[name];
      if (own === undefined) continue;
      const calls = Object.keys(own).flatMap((key): readonly QuickCall[] => {
        const row = this.#row(rows, key);
        if (row?.blocks !== true || row.parameters === undefined) return [];
        return [{ name: key, parameters: row.parameters, call: this.#guard(row.fn, true) }];
      });
      Object.assign(own, quickCalls(calls));
    }
    return imports;
  }

  /** The function as the guest calls it: unsigned numbers in, an errno out, whatever is thrown. */
  #guard(fn: HostFunction, blocks: boolean): (...args: unknown[]) => number | Promise<number> {
    const call = fn as (...args: unknown[]) => number | Promise<number>;
    const answer = (error: unknown): number => this.#answer(error);
    return (...args) => {
      if (this.#ended !== undefined) throw this.#ended;
      for (let i = 0; i < args.length; i++) {
        const arg = args[i];
        if (typeof arg === 'number') args[i] = arg >>> 0;
      }
      try {
        const result = call(...args);
        if (typeof result !== 'number') {
          this.#callsAtOnce = 0;
          const settled = result.catch(answer);
          // A guest that could not be suspended (in its start section) does not take it: nobody else would either.
          settled.catch(ignore);
          return settled;
        }
        return blocks && ++this.#callsAtOnce >= CALLS_AT_ONCE ? this.#breathe(result) : result;
      } catch (error) {
        return answer(error);
      }
    };
  }

  #breathe(result: number): Promise<number> {
    this.#callsAtOnce = 0;
    return this.waiters.turn(result);
  }

  #answer(error: unknown): number {
    if (error instanceof WasiError) return error.errno;
    if (error instanceof ProcessExit || error instanceof GuestStopped) {
      this.#ended ??= error;
      throw error;
    }
    // The guest's stack may end inside of a host function; that is no memory fault.
    if (error instanceof RangeError && !error.message.startsWith('Maximum call stack')) return Errno.FAULT;
    if (typeof (error as { readonly code?: unknown } | null)?.code === 'string') return errnoOf(error);
    throw error;
  }

  #bindMemory(instance: WebAssembly.Instance): void {
    const memory = instance.exports['memory'];
    if (memory instanceof WebAssembly.Memory) this.memory.bind(memory);
  }

  #exitStatus(error: unknown): ExitStatus {
    const cause = this.#ended ?? error;
    if (cause instanceof ProcessExit) return { how: 'code', code: cause.code };
    if (cause instanceof GuestStopped) return { how: 'killed' };
    const trap = trapStatus(cause);
    if (trap === undefined) throw cause;
    return trap;
  }

  #close(): void {
    this.waiters.stop();
    this.table.closeAll();
    for (const mount of this.#mounts) mount.release();
  }
}
