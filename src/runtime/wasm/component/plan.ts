import { BinaryFormatError } from '../binary-reader.ts';
import { type ComponentFunction, liftFunction, lowerFunction } from './abi/calls.ts';
import type { ContextSlots } from './abi/context.ts';
import type { Parts, Slot } from './abi/parts.ts';
import { resourceFunction } from './abi/resources.ts';
import type { ResourceType } from './abi/value-type.ts';
import { coreInstantiation } from './core-instance.ts';
import type { Binding, CanonOptions, ComponentDefinition, Definition, Sort } from './definition.ts';
import { bypass, isFixups, orderSteps, type PlannedStep, type Shim, shimNames } from './shims.ts';
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

/** Where a core instance's exports are: in a slot as one object, or each in a slot of its own. */
export type CoreInstance = { readonly slot: Slot } | { readonly bundle: ReadonlyMap<string, Slot> };

/** Puts a part of a new instance into its slot. */
export type Step = (parts: Parts) => void;

/** How instances of a component are made: all that does not depend on the instance is done. */
export interface LinkPlan {
  /** In their order. */
  readonly steps: readonly Step[];
  readonly slots: number;
  /** Component instances within one instance: each has handles of its own. */
  readonly owners: number;
  readonly exports: Exports;
}

/** A component and the scope that its aliases of outer things mean. */
interface Linkable {
  readonly definition: ComponentDefinition;
  readonly outer: Planner | undefined;
}

/** Where a component's imports come from. */
export interface Imports {
  /** The resource of an interface (`wasi:io/streams@0.2.3`) that the host has. */
  resource(interfaceName: string, name: string): ResourceType;
  /** An instance of an interface: what the host has of it, in the shape that the component expects. */
  instance(interfaceName: string, shape: InstanceShape): Exports;
}

/** Throws BinaryFormatError for a component that does not fit together. */
export function planComponent(
  definition: ComponentDefinition,
  modules: readonly WebAssembly.Module[],
  imports: Imports,
): LinkPlan {
  const shared: Shared = { modules, steps: [], contexts: [], owners: 0 };
  const exports = new Planner({ definition, outer: undefined }, shared).run((name, descriptor, scope) => {
    if (descriptor.kind !== 'instance') return undefined;
    const type = typeAt(descriptor.type, scope);
    if (type.what !== 'instance') return undefined;
    const shape = shapeOf(type, (resource) => imports.resource(name, resource));
    return { sort: 'instance', value: imports.instance(name, shape) };
  });
  const { steps, owners } = shared;
  return { steps: orderSteps(steps), slots: steps.length, owners, exports };
}

interface Shared {
  readonly modules: readonly WebAssembly.Module[];
  /** One for each slot. */
  readonly steps: PlannedStep[];
  readonly contexts: ContextSlots[];
  owners: number;
}

type ImportDescriptor = Extract<Definition, { what: 'import' }>['descriptor'];
type FindImport = (name: string, descriptor: ImportDescriptor, scope: TypeScope) => Exported | undefined;

interface CoreInstantiation {
  readonly module: WebAssembly.Module;
  readonly args: readonly (readonly [name: string, from: CoreInstance])[];
  readonly step: PlannedStep;
}

/** One component, read in the order of its definitions; what instances will have is known by its slot. */
class Planner {
  readonly #shared: Shared;
  readonly #definition: ComponentDefinition;
  readonly outer: Planner | undefined;
  readonly scope: TypeScope;
  readonly #owner: number;
  readonly #coreModules: WebAssembly.Module[] = [];
  readonly #coreInstances: CoreInstance[] = [];
  readonly #core = new Map<Sort, Slot[]>();
  readonly #functions: ComponentFunction[] = [];
  readonly #instances: Exports[] = [];
  readonly #components: Linkable[] = [];
  readonly #exports = new Map<string, Exported>();
  #shim: Shim | undefined;

  constructor(what: Linkable, shared: Shared) {
    this.#shared = shared;
    this.#definition = what.definition;
    this.outer = what.outer;
    this.scope = { types: [], outer: what.outer?.scope };
    this.#owner = shared.owners++;
  }

  run(find: FindImport): Exports {
    for (const definition of this.#definition.definitions) {
      if (definition.what === 'import') {
        const found = find(definition.name, definition.descriptor, this.scope);
        if (found === undefined) throw new BinaryFormatError(`nobody gives it ${definition.name}`);
        this.#add(found);
      } else if (definition.what === 'core-instantiate') this.#instantiateCore(definition);
      else if (definition.what === 'instantiate') this.#instances.push(this.#instantiate(definition));
      else this.#define(definition);
    }
    return this.#exports;
  }

  #define(definition: Exclude<Definition, { what: 'import' | 'core-instantiate' | 'instantiate' }>): void {
    switch (definition.what) {
      case 'core-module':
        this.#coreModules.push(at(this.#shared.modules, definition.module, 'module'));
        return;
      case 'core-bundle':
        this.#bundleCore(definition.exports);
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
      case 'alias-core-export':
        this.#aliasCoreExport(definition);
        return;
      case 'alias-outer':
        this.#aliasOuter(definition);
        return;
      case 'type':
        this.#defineType(definition.type);
        return;
      case 'export':
        this.#export(definition);
        return;
      case 'lift':
      case 'lower':
      case 'resource-new':
      case 'resource-drop':
      case 'resource-rep':
        this.#canon(definition);
    }
  }

  #export(definition: Extract<Definition, { what: 'export' }>): void {
    const exported = this.#get(definition);
    this.#exports.set(definition.name, exported);
    // What is exported gets a further number.
    this.#add(exported);
  }

  #canon(
    definition: Extract<Definition, { what: 'lift' | 'lower' | 'resource-new' | 'resource-drop' | 'resource-rep' }>,
  ): void {
    switch (definition.what) {
      case 'lift': {
        const { coreFunction, options } = definition;
        const core = this.#slotAt('core-function', coreFunction);
        const postReturn = this.#maybeSlot('core-function', options.postReturn);
        const type = functionType(definition.type, this.scope);
        this.#functions.push(liftFunction({ core, postReturn, type }, this.#contextSlots(options)));
        return;
      }
      case 'lower': {
        const callee = at(this.#functions, definition.function, 'function');
        this.#pushFunction(lowerFunction(callee, this.#contextSlots(definition.options)));
        return;
      }
      case 'resource-new':
      case 'resource-drop':
      case 'resource-rep': {
        const type = resourceType(definition.type, this.scope);
        this.#pushFunction(resourceFunction(definition.what, type, this.#owner));
      }
    }
  }

  #defineType(definition: Extract<Definition, { what: 'type' }>['type']): void {
    if (definition.kind !== 'resource') {
      this.scope.types.push(resolveType(definition, this.scope));
      return;
    }
    const { destructor } = definition;
    const drop = destructor === undefined ? undefined : this.#slotAt('core-function', destructor);
    const type: ResourceType = {
      name: 'resource',
      owner: this.#owner,
      drop: (rep, { slots }) => {
        if (drop !== undefined) (slots[drop] as (rep: unknown) => void)(rep);
      },
    };
    this.scope.types.push({ what: 'resource', type });
  }

  #aliasExport(definition: Extract<Definition, { what: 'alias-export' }>): void {
    const found = at(this.#instances, definition.instance, 'instance').get(definition.name);
    if (found === undefined) throw new BinaryFormatError(`an instance has no ${definition.name}`);
    this.#add(found);
  }

  #aliasCoreExport({ instance, name, sort }: Extract<Definition, { what: 'alias-core-export' }>): void {
    const from = at(this.#coreInstances, instance, 'core instance');
    if ('bundle' in from) {
      const slot = from.bundle.get(name);
      if (slot === undefined) throw new BinaryFormatError(`a core instance has no ${name}`);
      this.#coreList(sort).push(slot);
      return;
    }
    const { slot } = from;
    const step = this.#step(({ slots }) => (slots[slot] as WebAssembly.Exports)[name]);
    this.#coreList(sort).push(step.slot);
    if (this.#shim?.made.slot === slot) this.#shim.taken.push({ name, step });
  }

  #aliasOuter(definition: Extract<Definition, { what: 'alias-outer' }>): void {
    const { sort, levels, index } = definition;
    if (sort === 'type') {
      this.scope.types.push(outerType(this.scope, levels, index));
      return;
    }
    const planner = this.#enclosing(levels);
    if (sort === 'component') this.#components.push(at(planner.#components, index, 'component'));
    else this.#coreModules.push(at(planner.#coreModules, index, 'module'));
  }

  #enclosing(levels: number): Planner {
    if (levels === 0) return this;
    if (this.outer === undefined) throw new BinaryFormatError('an alias goes out too far');
    return this.outer.#enclosing(levels - 1);
  }

  #instantiateCore(definition: Extract<Definition, { what: 'core-instantiate' }>): void {
    const module = at(this.#coreModules, definition.module, 'module');
    const args = definition.args.map(
      ({ name, index }) => [name, at(this.#coreInstances, index, 'core instance')] as const,
    );
    const step = this.#step(coreInstantiation(module, args));
    this.#coreInstances.push({ slot: step.slot });
    const names = shimNames(module);
    if (names !== undefined) this.#shim = { made: step, names, taken: [] };
    else if (this.#shim !== undefined) this.#leaveOut(this.#shim, { module, args, step });
  }

  /** When the module is its fixups, and all that they fill in can be made before anything else. */
  #leaveOut(shim: Shim, { module, args, step }: CoreInstantiation): void {
    const isShim = (from: CoreInstance): boolean => 'slot' in from && from.slot === shim.made.slot;
    if (!isFixups(module, shim.names)) {
      // Somebody wants the shim as a whole.
      if (args.some(([, from]) => isShim(from))) this.#shim = undefined;
      return;
    }
    const filled = new Map(args.flatMap(([, from]) => ('bundle' in from ? [...from.bundle] : [])));
    const { steps } = this.#shared;
    const canBeFirst = (slot: Slot | undefined): boolean => slot !== undefined && steps[slot]?.isFirst === true;
    if (!shim.names.every((name) => canBeFirst(filled.get(name)))) return;
    bypass(shim, filled);
    step.run = undefined;
  }

  #instantiate(definition: Extract<Definition, { what: 'instantiate' }>): Exports {
    const component = at(this.#components, definition.component, 'component');
    const given = new Map(definition.args.map((row) => [row.name, this.#get(row)]));
    return new Planner(component, this.#shared).run((name) => given.get(name));
  }

  #bundleCore(bindings: readonly Binding[]): void {
    const slots = bindings.map((row): [string, Slot] => [row.name, this.#slotAt(row.sort, row.index)]);
    this.#coreInstances.push({ bundle: new Map(slots) });
  }

  /** A further slot, and what is put into it. */
  #step(make: (parts: Parts) => unknown, isFirst = false): PlannedStep {
    const { steps } = this.#shared;
    const slot = steps.length;
    const run: Step = (parts) => {
      parts.slots[slot] = make(parts);
    };
    const step = { slot, run, isFirst };
    steps.push(step);
    return step;
  }

  /** What it uses of the instance it looks for when it is called. */
  #pushFunction(make: (parts: Parts) => unknown): void {
    this.#coreList('core-function').push(this.#step(make, true).slot);
  }

  #slotAt(sort: Sort, index: number): Slot {
    return at(this.#coreList(sort), index, sort);
  }

  #coreList(sort: Sort): Slot[] {
    let list = this.#core.get(sort);
    if (list === undefined) {
      list = [];
      this.#core.set(sort, list);
    }
    return list;
  }

  #get({ sort, index }: Pick<Binding, 'sort' | 'index'>): Exported {
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

  #maybeSlot(sort: Sort, index: number | undefined): Slot | undefined {
    return index === undefined ? undefined : this.#slotAt(sort, index);
  }

  #contextSlots({ memory, realloc, encoding }: CanonOptions): ContextSlots {
    const { contexts } = this.#shared;
    const slots = {
      encoding,
      memory: this.#maybeSlot('memory', memory),
      realloc: this.#maybeSlot('core-function', realloc),
      owner: this.#owner,
    };
    const known = contexts.find(
      (one) =>
        one.memory === slots.memory &&
        one.realloc === slots.realloc &&
        one.encoding === encoding &&
        one.owner === slots.owner,
    );
    if (known !== undefined) return known;
    const made = { ...slots, context: contexts.length };
    contexts.push(made);
    return made;
  }
}

function at<T>(list: readonly T[], index: number, what: string): T {
  const found = list[index];
  if (found === undefined) throw new BinaryFormatError(`there is no ${what} ${index}`);
  return found;
}
