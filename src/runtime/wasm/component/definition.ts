/** What a component consists of, in the order of its file; later definitions name earlier ones by their numbers. */
export interface ComponentDefinition {
  readonly definitions: readonly Definition[];
}

/** Kinds of things that are numbered, each kind from 0. */
export type CoreSort = 'core-function' | 'table' | 'memory' | 'global' | 'core-module' | 'core-instance' | 'other';
export type Sort = CoreSort | 'function' | 'value' | 'type' | 'component' | 'instance';

/** A name for a numbered thing. */
export interface Binding {
  readonly name: string;
  readonly sort: Sort;
  readonly index: number;
}

export type Definition =
  /** `module` is its number among the core modules of the whole file, nested components included. */
  | { readonly what: 'core-module'; readonly module: number }
  | { readonly what: 'core-instantiate'; readonly module: number; readonly args: readonly CoreArgument[] }
  | { readonly what: 'core-bundle'; readonly exports: readonly Binding[] }
  | { readonly what: 'component'; readonly component: ComponentDefinition }
  | { readonly what: 'instantiate'; readonly component: number; readonly args: readonly Binding[] }
  | { readonly what: 'bundle'; readonly exports: readonly Binding[] }
  | { readonly what: 'alias-export'; readonly sort: Sort; readonly instance: number; readonly name: string }
  | { readonly what: 'alias-core-export'; readonly sort: Sort; readonly instance: number; readonly name: string }
  | { readonly what: 'alias-outer'; readonly sort: Sort; readonly levels: number; readonly index: number }
  | { readonly what: 'type'; readonly type: TypeDefinition }
  | {
      readonly what: 'lift';
      readonly coreFunction: number;
      readonly options: CanonOptions;
      readonly type: number;
    }
  | { readonly what: 'lower'; readonly function: number; readonly options: CanonOptions }
  | { readonly what: 'resource-new' | 'resource-drop' | 'resource-rep'; readonly type: number }
  | { readonly what: 'import'; readonly name: string; readonly descriptor: ExternDescriptor }
  | { readonly what: 'export'; readonly name: string; readonly sort: Sort; readonly index: number };

export interface CoreArgument {
  readonly name: string;
  /** A core instance. */
  readonly index: number;
}

export interface CanonOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
}

export type Primitive =
  | 'bool'
  | 's8'
  | 'u8'
  | 's16'
  | 'u16'
  | 's32'
  | 'u32'
  | 's64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string';

/** A primitive, or the number of a type. */
export type TypeReference = Primitive | number;

export type TypeDefinition =
  | { readonly kind: 'primitive'; readonly primitive: Primitive }
  | { readonly kind: 'record'; readonly fields: readonly NamedReference[] }
  | { readonly kind: 'variant'; readonly cases: readonly NamedReference[] }
  | { readonly kind: 'list'; readonly element: TypeReference }
  | { readonly kind: 'tuple'; readonly elements: readonly TypeReference[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly value: TypeReference }
  | { readonly kind: 'result'; readonly ok: TypeReference | undefined; readonly error: TypeReference | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }
  | {
      readonly kind: 'function';
      readonly params: readonly NamedReference[];
      readonly result: TypeReference | undefined;
    }
  | { readonly kind: 'resource'; readonly destructor: number | undefined }
  | { readonly kind: 'instance'; readonly declarations: readonly Declaration[] }
  /** What a component takes and gives; nothing here needs to know. */
  | { readonly kind: 'component' };

export interface NamedReference {
  readonly name: string;
  /** Undefined for a case without a value. */
  readonly type: TypeReference | undefined;
}

/** A line of an instance's type, which numbers its types for itself. */
export type Declaration =
  | { readonly what: 'type'; readonly type: TypeDefinition }
  | { readonly what: 'alias-outer'; readonly levels: number; readonly index: number }
  | { readonly what: 'alias-export'; readonly instance: number; readonly name: string; readonly sort: Sort }
  | { readonly what: 'export'; readonly name: string; readonly descriptor: ExternDescriptor };

export type ExternDescriptor =
  | { readonly kind: 'core-module' | 'value' | 'component' }
  | { readonly kind: 'function' | 'instance'; readonly type: number }
  | { readonly kind: 'type-equal'; readonly type: number }
  /** A resource that only its owner knows. */
  | { readonly kind: 'resource' };
