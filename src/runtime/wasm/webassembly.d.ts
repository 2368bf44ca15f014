/** What the Wasm host uses of the JavaScript API; `lib.dom` has it, but a Node program must not see the DOM. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    private readonly brand;
    static imports(module: Module): ModuleImportDescriptor[];
    static exports(module: Module): ModuleExportDescriptor[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }
  interface ModuleImportDescriptor {
    module: string;
    name: string;
    kind: ImportExportKind;
  }
  interface ModuleExportDescriptor {
    name: string;
    kind: ImportExportKind;
  }
  type ImportExportKind = 'function' | 'global' | 'memory' | 'table' | 'tag';
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(descriptor: { element: string; initial: number; maximum?: number });
    readonly length: number;
  }
  class Global {
    constructor(descriptor: { value: string; mutable?: boolean }, value?: unknown);
    value: unknown;
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
  class SuspendError extends Error {}
  /** What a guest's `throw` is outside of it. Has a stack only when it was made with one. */
  class Exception {
    readonly stack?: string | undefined;
    private readonly brand;
  }
  /** JavaScript Promise Integration: an import that may return a promise suspends the guest. */
  // oxlint-disable-next-line typescript/no-extraneous-class -- the shape of the API
  class Suspending {
    constructor(fn: (...args: never[]) => unknown);
  }
  /** JavaScript Promise Integration: the export runs on a stack of its own and returns a promise. */
  function promising(fn: unknown): (...args: unknown[]) => Promise<unknown>;
  type ImportValue = ((...args: never[]) => unknown) | Suspending | Memory | Table | Global;
  type Imports = Record<string, Record<string, ImportValue>>;
  type Exports = Record<string, unknown>;
  function compile(bytes: Uint8Array): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
  function validate(bytes: Uint8Array): boolean;
}
