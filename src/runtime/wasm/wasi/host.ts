import { WcError } from '../../../model/diagnostic.ts';
import type { ExitStatus } from '../../../model/state.ts';
import { type Clock, systemClock } from './clock.ts';
import { ENTRIES } from './entries.ts';
import { DescriptorTable } from './descriptor-table.ts';
import { stringList } from './args.ts';
import type { LazyMount, Mount } from './fs/directory.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import type { StringList } from './guest.ts';
import { GuestMemory } from './guest-memory.ts';
import { type FunctionRow, type HostCall, importsOf, Linkage, type LinkedGuest } from './linkage.ts';
import { ProcessExit } from './proc.ts';
import { InputStream, OutputStream } from './stdio.ts';
import { noteDeepStacks, trapStatus } from './trap.ts';
import { GuestStopped, Waiters } from './waiters.ts';

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
  /** One for the module, without functions of its own, that no other guest uses meanwhile. */
  readonly linkage?: Linkage;
}

/** One guest and everything it can see. */
export class WasiHost implements LinkedGuest {
  readonly memory = new GuestMemory();
  readonly table: DescriptorTable;
  readonly waiters: Waiters;
  readonly clock: Clock;
  readonly args: StringList;
  readonly env: StringList;
  readonly stdin: InputStream;
  ended: Error | undefined;
  readonly #options: HostOptions;
  readonly #mounts: readonly OpenDirectory[];
  readonly #functions: Readonly<Record<string, FunctionRow>> | undefined;

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
    this.#functions = options.functions?.(this);
  }

  /** What the module imports and this host has. Every value is bound to this host. */
  imports(module: WebAssembly.Module): WebAssembly.Imports {
    return this.#link(module).imports(this.#options.memory);
  }

  /** What the module imports and this host does not have, as `module.name`. */
  missingImports(module: WebAssembly.Module): readonly string[] {
    const imports = this.imports(module);
    return importsOf(module)
      .filter(({ module: from, name }) => !Object.hasOwn(imports, from) || !Object.hasOwn(imports[from] ?? {}, name))
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
      const instance = this.#link(module).instantiate(this.#options.memory);
      this.#bindMemory(instance);
      const entries = ENTRIES.map((name) => instance.exports[name]).filter((entry) => typeof entry === 'function');
      if (entries.length === 0)
        throw new WcError('ERR_MODULE_INVALID', `the module exports none of ${ENTRIES.join(', ')}`);
      for (const entry of entries) {
        // Through `promising` both: a JavaScript frame below a suspending import would be an error.
        this.#options.onTurn?.();
        await WebAssembly.promising(entry)();
        // A guest can catch what unwinds it and return as if nothing had been.
        if (this.ended !== undefined) return this.#exitStatus(this.ended);
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
      return await runThreads(this.#link(module).calls());
    } catch (error) {
      return this.#exitStatus(error);
    } finally {
      this.#close();
    }
  }

  /** Ends the guest at its next call or in the one that it waits in. A guest that only computes does not notice. */
  stop(): void {
    this.ended ??= new GuestStopped();
    this.waiters.stop();
  }

  #link(module: WebAssembly.Module): Linkage {
    const linkage = this.#options.linkage ?? new Linkage(module, this.#functions);
    linkage.guest = this;
    return linkage;
  }

  #bindMemory(instance: WebAssembly.Instance): void {
    const memory = instance.exports['memory'];
    if (memory instanceof WebAssembly.Memory) this.memory.bind(memory);
  }

  #exitStatus(error: unknown): ExitStatus {
    const cause = this.ended ?? error;
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
    this.memory.release();
  }
}
