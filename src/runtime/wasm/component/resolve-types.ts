import { BinaryFormatError } from '../binary-reader.ts';
import type { FunctionType, ResourceType, ValueType } from './abi/value-type.ts';
import type { Declaration, TypeDefinition, TypeReference } from './definition.ts';

/** What stands behind the number of a type. */
export type ResolvedType =
  | { readonly what: 'value'; readonly type: ValueType }
  | { readonly what: 'function'; readonly type: FunctionType }
  | { readonly what: 'resource'; readonly type: ResourceType }
  | { readonly what: 'instance'; readonly declarations: readonly Declaration[]; readonly scope: TypeScope }
  | { readonly what: 'component' };

/** The numbered types of a component, or of an instance's type within one. */
export interface TypeScope {
  readonly types: ResolvedType[];
  readonly outer: TypeScope | undefined;
}

/** What an instance's type promises. */
export interface InstanceShape {
  readonly functions: ReadonlyMap<string, FunctionType>;
  readonly types: ReadonlyMap<string, ResolvedType>;
}

/** The definition with all numbers replaced by what they stand for. A resource is for the caller to make. */
export function resolveType(definition: Exclude<TypeDefinition, { kind: 'resource' }>, scope: TypeScope): ResolvedType {
  const value = (type: ValueType): ResolvedType => ({ what: 'value', type });
  const at = (reference: TypeReference): ValueType => valueType(reference, scope);
  const maybe = (reference: TypeReference | undefined): ValueType | undefined =>
    reference === undefined ? undefined : at(reference);
  switch (definition.kind) {
    case 'primitive':
      return value({ kind: definition.primitive });
    case 'record':
      return value({ kind: 'record', fields: definition.fields.map(({ name, type }) => [name, at(type ?? 'bool')]) });
    case 'variant':
      return value({ kind: 'variant', cases: definition.cases.map(({ name, type }) => ({ name, type: maybe(type) })) });
    case 'list':
      return value({ kind: 'list', element: at(definition.element) });
    case 'tuple':
      return value({ kind: 'tuple', elements: definition.elements.map(at) });
    case 'flags':
    case 'enum':
      return value({ kind: definition.kind, labels: definition.labels });
    case 'option':
      return value({ kind: 'option', value: at(definition.value) });
    case 'result':
      return value({ kind: 'result', ok: maybe(definition.ok), error: maybe(definition.error) });
    case 'own':
    case 'borrow':
      return value({ kind: definition.kind, resource: resourceType(definition.resource, scope) });
    case 'function': {
      const params = definition.params.map(({ type }) => at(type ?? 'bool'));
      return { what: 'function', type: { params, result: maybe(definition.result) } };
    }
    case 'instance':
      return { what: 'instance', declarations: definition.declarations, scope };
    case 'component':
      return { what: 'component' };
  }
}

/**
 * What an instance of this type has, when its resources are those that `resource` knows by name. An alias of an
 * instance within the type would need that instance: nobody makes such types.
 */
export function shapeOf(
  type: Extract<ResolvedType, { what: 'instance' }>,
  resource: (name: string) => ResourceType,
): InstanceShape {
  const scope: TypeScope = { types: [], outer: type.scope };
  const functions = new Map<string, FunctionType>();
  const types = new Map<string, ResolvedType>();
  for (const declaration of type.declarations) {
    switch (declaration.what) {
      case 'type':
        scope.types.push(declared(declaration.type, scope));
        break;
      case 'alias-outer':
        scope.types.push(outerType(scope, declaration.levels, declaration.index));
        break;
      case 'alias-export':
        throw new BinaryFormatError(`the type of an instance has an instance: ${declaration.name}`);
      case 'export': {
        const { name, descriptor } = declaration;
        if (descriptor.kind === 'function') functions.set(name, functionType(descriptor.type, scope));
        else if (descriptor.kind === 'type-equal' || descriptor.kind === 'resource') {
          const found: ResolvedType =
            descriptor.kind === 'resource'
              ? { what: 'resource', type: resource(name) }
              : typeAt(descriptor.type, scope);
          scope.types.push(found);
          types.set(name, found);
        }
        break;
      }
    }
  }
  return { functions, types };
}

function declared(definition: TypeDefinition, scope: TypeScope): ResolvedType {
  if (definition.kind !== 'resource') return resolveType(definition, scope);
  throw new BinaryFormatError('the type of an instance defines a resource');
}

export function outerType(scope: TypeScope, levels: number, index: number): ResolvedType {
  let at: TypeScope | undefined = scope;
  for (let i = 0; i < levels; i++) at = at?.outer;
  return at?.types[index] ?? fail('outer type', index);
}

export function typeAt(index: number, scope: TypeScope): ResolvedType {
  return scope.types[index] ?? fail('type', index);
}

export function functionType(index: number, scope: TypeScope): FunctionType {
  const found = typeAt(index, scope);
  return found.what === 'function' ? found.type : fail('function type', index);
}

export function resourceType(index: number, scope: TypeScope): ResourceType {
  const found = typeAt(index, scope);
  return found.what === 'resource' ? found.type : fail('resource type', index);
}

function valueType(reference: TypeReference, scope: TypeScope): ValueType {
  if (typeof reference === 'string') return { kind: reference };
  const found = typeAt(reference, scope);
  return found.what === 'value' ? found.type : fail('value type', reference);
}

function fail(what: string, index: number): never {
  throw new BinaryFormatError(`there is no ${what} ${index}`);
}
