import { BinaryFormatError } from '../binary-reader.ts';
import {
  type CallOptions,
  type ComponentFunction,
  type CoreFunction,
  liftFunction,
  lowerFunction,
} from './abi/calls.ts';
import { Handles } from './abi/handles.ts';
import type { ResourceType } from './abi/value-type.ts';
import type { Binding, CanonOptions, ComponentDefinition, Definition, Sort } from './definition.ts';
import {
  functionType,
  outerType,
  type ResolvedType,
  resolveType,
  resourceType,
  shapeOf,
  type InstanceShape,
  typeAt,
  type TypeScope,
} from './resolve-types.ts';

/** What an instance has to give, by name: functions, types, instances, components. */
export type Exports = ReadonlyMap<string, Exported>;

export type Exported =
  | { readonly sort: 'function'; readonly value: ComponentFunction }
  | { readonly sort: 'type'; readonly value: ResolvedType }
  | { readonly sort: 'instance'; readonly value: Exports }
  | { readonly sort: 'component'; readonly value: Linkable };

/** A component and the scope that its aliases of outer things mean. */
interface Linkable {
  readonly definition: ComponentDefinition;
  readonly outer: Linker | undefined;
}

/** Where a component's imports come from. */
export interface Imports {
  /** The resource of an interface (`wasi:io/streams@0.2.3`) that the host has. */
  resource(interfaceName: string, name: string): ResourceType;
  /** An instance of an interface: what the host has of it, in the shape that the component expects. */
  instance(interfaceName: string, shape: InstanceShape): Exports;
}

/**
 * Makes an instance of the component: instantiates its core modules and connects them with each other and with the
 * host. Resolves with what it exports; the handles and memories of its parts are put into `parts`. Rejects with the trap
 * of a start function, or BinaryFormatError for a component that does not fit together.
 */
export async function linkComponent(
  definition: ComponentDefinition,
  modules: readonly WebAssembly.Module[],
  imports: Imports,
  parts: { readonly handles: Handles[]; readonly memories: Set<WebAssembly.Memory> },
): Promise<Exports> {
  return await new Linker({ definition, outer: undefined }, { modules, ...parts }).run((name, descriptor, scope) => {
    if (descriptor.kind !== 'instance') return undefined;
    const type = typeAt(descriptor.type, scope);
    if (type.what !== 'instance') return undefined;
    const shape = shapeOf(type, (resource) => imports.resource(name, resource));
    return { sort: 'instance', value: imports.instance(name, shape) };
  });
}

interface Shared {
  readonly modules: readonly WebAssembly.Module[];
  readonly handles: Handles[];
  readonly memories: Set<WebAssembly.Memory>;
}

type ImportDescriptor = Extract<Definition, { what: 'import' }>['descriptor'];
type FindImport = (name: string, descriptor: ImportDescriptor, scope: TypeScope) => Exported | undefined;

/** One component on its way to become an instance. */
class Linker {
  readonly #shared: Shared;
  readonly #definition: ComponentDefinition;
  readonly outer: Linker | undefined;
  readonly scope: TypeScope;
  readonly #handles = new Handles();
  readonly #coreModules: WebAssembly.Module[] = [];
  readonly #coreInstances: Readonly<Record<string, unknown>>[] = [];
  readonly #core = new Map<Sort, unknown[]>();
  readonly #functions: ComponentFunction[] = [];
  readonly #instances: Exports[] = [];
  readonly #components: Linkable[] = [];
  readonly #exports = new Map<string, Exported>();

  constructor(what: Linkable, shared: Shared) {
    this.#shared = shared;
    this.#definition = what.definition;
    this.outer = what.outer;
    this.scope = { types: [], outer: what.outer?.scope };
    shared.handles.push(this.#handles);
  }

  async run(find: FindImport): Promise<Exports> {
    for (const definition of this.#definition.definitions) {
      if (definition.what === 'core-instantiate') await this.#instantiateCore(definition);
      else if (definition.what === 'instantiate') this.#instances.push(await this.#instantiate(definition));
      else if (definition.what === 'import') {
        const found = find(definition.name, definition.descriptor, this.scope);
        if (found === undefined) throw new BinaryFormatError(`nobody gives it ${definition.name}`);
        this.#add(found);
      } else this.#define(definition);
    }
    return this.#exports;
  }

  #define(definition: Exclude<Definition, { what: 'core-instantiate' | 'instantiate' | 'import' }>): void {
    switch (definition.what) {
      case 'core-module':
        this.#coreModules.push(at(this.#shared.modules, definition.module, 'module'));
        return;
      case 'core-bundle':
        this.#coreInstances.push(this.#bundleCore(definition.exports));
        return;
      case 'component':
        this.#components.push({ definition: definition.component, outer: this });
        return;
      case 'bundle':
        this.#instances.push(new Map(definition.exports.map((row) => [row.name, this.#get(row)])));
        return;
      case 'alias-export':
        this.#aliasExport(definition);
        return;
      case 'alias-core-export': {
        const instance = at(this.#coreInstances, definition.instance, 'core instance');
        this.#coreList(definition.sort).push(instance[definition.name]);
        return;
      }
      case 'alias-outer':
        this.#aliasOuter(definition);
        return;
      case 'type':
        this.#defineType(definition.type);
        return;
      case 'export': {
        const exported = this.#get(definition);
        this.#exports.set(definition.name, exported);
        // What is exported gets a further number.
        this.#add(exported);
        return;
      }
      case 'lift':
      case 'lower':
      case 'resource-new':
      case 'resource-drop':
      case 'resource-rep':
        this.#canon(definition);
    }
  }

  #canon(
    definition: Extract<Definition, { what: 'lift' | 'lower' | 'resource-new' | 'resource-drop' | 'resource-rep' }>,
  ): void {
    const core = this.#coreList('core-function');
    switch (definition.what) {
      case 'lift': {
        const lifted = at(core, definition.coreFunction, 'core function') as CoreFunction;
        const type = functionType(definition.type, this.scope);
        this.#functions.push(liftFunction(() => lifted, type, this.#options(definition.options)));
        return;
      }
      case 'lower': {
        const callee = at(this.#functions, definition.function, 'function');
        const lowered = lowerFunction(callee, this.#options(definition.options));
        core.push(callee.blocks ? new WebAssembly.Suspending(lowered) : lowered);
        return;
      }
      case 'resource-new':
      case 'resource-drop':
      case 'resource-rep':
        core.push(this.#resourceFunction(definition.what, resourceType(definition.type, this.scope)));
    }
  }

  #resourceFunction(what: 'resource-new' | 'resource-drop' | 'resource-rep', type: ResourceType): CoreFunction {
    const handles = this.#handles;
    switch (what) {
      case 'resource-new':
        return (rep) => handles.add(type, rep, true);
      case 'resource-drop':
        return (index) => handles.drop((index as number) >>> 0, type);
      case 'resource-rep':
        return (index) => handles.rep((index as number) >>> 0, type);
    }
  }

  #defineType(definition: Extract<Definition, { what: 'type' }>['type']): void {
    if (definition.kind !== 'resource') {
      this.scope.types.push(resolveType(definition, this.scope));
      return;
    }
    const { destructor } = definition;
    const drop = destructor === undefined ? undefined : (this.#coreList('core-function')[destructor] as CoreFunction);
    const type: ResourceType = { name: 'resource', owner: this.#handles, drop: (rep) => void drop?.(rep) };
    this.scope.types.push({ what: 'resource', type });
  }

  #aliasExport(definition: Extract<Definition, { what: 'alias-export' }>): void {
    const found = at(this.#instances, definition.instance, 'instance').get(definition.name);
    if (found === undefined) throw new BinaryFormatError(`an instance has no ${definition.name}`);
    this.#add(found);
  }

  #aliasOuter(definition: Extract<Definition, { what: 'alias-outer' }>): void {
    const { sort, levels, index } = definition;
    if (sort === 'type') {
      this.scope.types.push(outerType(this.scope, levels, index));
      return;
    }
    const linker = this.#enclosing(levels);
    if (sort === 'component') this.#components.push(at(linker.#components, index, 'component'));
    else this.#coreModules.push(at(linker.#coreModules, index, 'module'));
  }

  #enclosing(levels: number): Linker {
    if (levels === 0) return this;
    if (this.outer === undefined) throw new BinaryFormatError('an alias goes out too far');
    return this.outer.#enclosing(levels - 1);
  }

  async #instantiateCore(definition: Extract<Definition, { what: 'core-instantiate' }>): Promise<void> {
    const module = at(this.#coreModules, definition.module, 'module');
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const { name, index } of definition.args) {
      const instance = at(this.#coreInstances, index, 'core instance');
      imports[name] = instance as Record<string, WebAssembly.ImportValue>;
    }
    const { exports } = await WebAssembly.instantiate(module, imports);
    for (const exported of Object.values(exports)) {
      if (exported instanceof WebAssembly.Memory) this.#shared.memories.add(exported);
    }
    this.#coreInstances.push(exports);
  }

  async #instantiate(definition: Extract<Definition, { what: 'instantiate' }>): Promise<Exports> {
    const component = at(this.#components, definition.component, 'component');
    const given = new Map(definition.args.map((row) => [row.name, this.#get(row)]));
    return await new Linker(component, this.#shared).run((name) => given.get(name));
  }

  #bundleCore(bindings: readonly Binding[]): Readonly<Record<string, unknown>> {
    return Object.fromEntries(bindings.map(({ name, sort, index }) => [name, at(this.#coreList(sort), index, sort)]));
  }

  #coreList(sort: Sort): unknown[] {
    let list = this.#core.get(sort);
    if (list === undefined) {
      list = [];
      this.#core.set(sort, list);
    }
    return list;
  }

  #get({ sort, index }: { readonly sort: Sort; readonly index: number }): Exported {
    switch (sort) {
      case 'function':
        return { sort, value: at(this.#functions, index, sort) };
      case 'instance':
        return { sort, value: at(this.#instances, index, sort) };
      case 'type':
        return { sort, value: typeAt(index, this.scope) };
      case 'component':
        return { sort, value: at(this.#components, index, sort) };
      case 'core-function':
      case 'core-instance':
      case 'core-module':
      case 'global':
      case 'memory':
      case 'table':
      case 'value':
      case 'other':
        throw new BinaryFormatError(`a ${sort} cannot be given away`);
    }
  }

  #add(exported: Exported): void {
    switch (exported.sort) {
      case 'function':
        this.#functions.push(exported.value);
        return;
      case 'instance':
        this.#instances.push(exported.value);
        return;
      case 'type':
        this.scope.types.push(exported.value);
        return;
      case 'component':
        this.#components.push(exported.value);
    }
  }

  #options(options: CanonOptions): CallOptions {
    const { memory, realloc, postReturn, encoding } = options;
    const core = (sort: Sort, index: number | undefined): unknown =>
      index === undefined ? undefined : this.#coreList(sort)[index];
    return {
      encoding,
      memory: () => core('memory', memory) as WebAssembly.Memory | undefined,
      realloc: () => core('core-function', realloc) as CoreFunction | undefined,
      postReturn: () => core('core-function', postReturn) as CoreFunction | undefined,
      handles: this.#handles,
    };
  }
}

function at<T>(list: readonly T[], index: number, what: string): T {
  const found = list[index];
  if (found === undefined) throw new BinaryFormatError(`there is no ${what} ${index}`);
  return found;
}
