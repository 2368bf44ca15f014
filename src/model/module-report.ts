/** What a Wasm file is and what would become of it here: the answer of `inspect-module`, plain JSON. */
export interface ModuleReport {
  /** The file, or the image and the file in it. */
  readonly from: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly kind: 'module' | 'component';
  /** `wasip1`, `0.2.6`; undefined when it imports nothing of WASI. */
  readonly wasi: string | undefined;
  /** From the `producers` section, or a guess from its imports: `C11 (clang 19.1.7)`. */
  readonly languages: readonly string[];
  readonly imports: readonly ImportGroup[];
  /** A name, and what kind of thing it is. */
  readonly exports: readonly ModuleExport[];
  readonly memories: readonly SizeLimits[];
  readonly tables: readonly SizeLimits[];
  /** A function runs as the module is instantiated, before anything is exported. */
  readonly hasStart: boolean;
  readonly functions: number;
  readonly codeBytes: number;
  readonly dataBytes: number;
  readonly custom: readonly CustomSection[];
  /** Of a component: what it is made of. */
  readonly inner: { readonly modules: number; readonly components: number };
  /** What it gets of the host without anything in the compose file. */
  readonly granted: readonly string[];
  readonly missing: readonly MissingImport[];
  /** Why it cannot run as a service at all; undefined: nothing is in the way. */
  readonly problem: string | undefined;
}

export interface ImportGroup {
  /** `WASI preview 1`, `WasmEdge sockets`. */
  readonly dialect: string;
  readonly isProvided: boolean;
  readonly names: readonly string[];
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: string;
}

/** Of memories in pages of 64 KiB, of tables in entries. */
export interface SizeLimits {
  readonly min: number;
  readonly max: number | undefined;
  readonly isImported: boolean;
  readonly isShared: boolean;
  readonly is64Bit: boolean;
}

export interface CustomSection {
  readonly name: string;
  readonly bytes: number;
}

export interface MissingImport {
  /** `module.name` */
  readonly name: string;
  readonly dialect: string;
  /** What would provide it, or how to build instead. */
  readonly hint: string;
}
