import { WcError } from '../../../model/diagnostic.ts';
import type { WasmService } from '../../../model/project.ts';
import type { ComponentDefinition, Declaration, TypeDefinition } from './definition.ts';
import { hostInterface } from './host/interfaces.ts';
import { providerOf } from './providers.ts';

/** What a component can be run as. */
export type ComponentRole = 'command' | 'http';

/** A component that can be started: what it consists of, and its core modules, held to their limits. */
export interface PreparedComponent {
  readonly root: ComponentDefinition;
  /** Compiled, or the bytes of those that only a process of their own compiles. */
  readonly modules: readonly (WebAssembly.Module | Uint8Array<ArrayBuffer>)[];
}

/** The interfaces that make a component one or the other, without their versions. */
const ROLES: readonly (readonly [interfaceName: string, role: ComponentRole])[] = [
  ['wasi:http/incoming-handler', 'http'],
  ['wasi:cli/run', 'command'],
];

/**
 * What the service's component is run as: what the file says, else what the component exports, a server before a
 * command. Throws ERR_MODULE_INVALID when it cannot be run so.
 */
export function componentRole(service: WasmService, root: ComponentDefinition): ComponentRole {
  const { engine, interface: wanted, name, source } = service;
  const refuse = (what: string, hint: string): WcError =>
    new WcError('ERR_MODULE_INVALID', `${name}: ${what}`, { source, hint });
  if (engine === 'wasmer') throw refuse('engine wasmer runs core modules, not components', 'leave `engine` out');
  if (wanted === 'cgi') throw refuse('a component cannot be run as CGI', 'leave `interface` out');
  const exported = exportsOf(root);
  const roles = ROLES.filter(([key]) => exported.some((one) => one.startsWith(`${key}@0.2.`))).map(([, role]) => role);
  const role = wanted === 'http' ? 'http' : wanted === 'auto' ? roles[0] : 'command';
  if (role !== undefined && roles.includes(role)) return role;
  const has = exported.length === 0 ? 'it exports nothing' : `it exports ${exported.join(', ')}`;
  if (role === 'http') throw refuse(`the component does not export wasi:http/incoming-handler: ${has}`, HTTP_HINT);
  throw refuse(`the component is no program: ${has}`, 'build it as a command (wasi:cli/run) or as a wasi:http server');
}

const HTTP_HINT = 'build it for wasi:http 0.2, or leave `interface` out';

/** Throws ERR_MODULE_IMPORTS with all that the component imports and the host does not have. */
export function checkComponentImports(service: WasmService, root: ComponentDefinition): void {
  const missing = missingImports(root);
  if (missing.length === 0) return;
  const hints = new Set(missing.map(providerOf));
  throw new WcError(
    'ERR_MODULE_IMPORTS',
    `${service.name}: the component imports what the host does not have: ${shorten(missing)}`,
    { source: service.source, hint: [...hints].join('; ') },
  );
}

/** `interface#function`, or the name of an interface of which the host has nothing. */
export function missingImports(root: ComponentDefinition): readonly string[] {
  const missing: string[] = [];
  const types: (TypeDefinition | undefined)[] = [];
  for (const definition of root.definitions) {
    if (definition.what === 'type') types.push(definition.type);
    else if (definition.what === 'import') {
      const { name, descriptor } = definition;
      if (descriptor.kind === 'type-equal' || descriptor.kind === 'resource') types.push(undefined);
      const type = descriptor.kind === 'instance' ? types[descriptor.type] : undefined;
      if (type?.kind === 'instance') missing.push(...missingOf(name, type.declarations));
      else missing.push(name);
    } else if ('sort' in definition && definition.sort === 'type') types.push(undefined);
  }
  return missing;
}

function missingOf(interfaceName: string, declarations: readonly Declaration[]): readonly string[] {
  const host = hostInterface(interfaceName);
  const exported = declarations.filter((declaration) => declaration.what === 'export');
  const functions = exported.filter(({ descriptor }) => descriptor.kind === 'function');
  const resources = exported.filter(({ descriptor }) => descriptor.kind === 'resource');
  if (host === undefined) return functions.length > 0 || resources.length > 0 ? [interfaceName] : [];
  return [
    ...functions.filter(({ name }) => !Object.hasOwn(host.functions, name)),
    ...resources.filter(({ name }) => !Object.hasOwn(host.resources ?? {}, name)),
  ].map(({ name }) => `${interfaceName}#${name}`);
}

function exportsOf(root: ComponentDefinition): readonly string[] {
  return root.definitions.flatMap((definition) => (definition.what === 'export' ? [definition.name] : []));
}

const SHOWN = 10;

function shorten(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
