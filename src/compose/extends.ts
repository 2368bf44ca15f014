import { dirname, relative } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import { canonical } from './canonical.ts';
import { interpolate } from './interpolate.ts';
import { merge } from './merge.ts';
import { nearest } from './nearest.ts';
import { child, entriesOf, isNull, textOf, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { parseYaml } from './parse-yaml.ts';
import { errorAt } from './problems.ts';
import type { ReadContext } from './read-context.ts';
import { completePath, resolvePaths } from './resolve-paths.ts';
import { SERVICE } from './service-attributes.ts';
import type { SourceFile } from './source-file.ts';

/** The document with every service's `extends` carried out; the base's paths are those of its own file. */
export async function applyExtends(document: MapNode, file: SourceFile, context: ReadContext): Promise<MapNode> {
  const services = child(document, 'services');
  if (services?.kind !== 'map') return document;
  const names = [...services.entries.keys()].filter((name) => child(services, name, 'extends') !== undefined);
  if (names.length === 0) return document;
  const scope: Scope = {
    file,
    directory: context.directory,
    service: (name) => child(services, name),
    names: () => services.entries.keys(),
  };
  const resolver = new Resolver(context);
  const extended: (readonly [string, Node | undefined])[] = [];
  for (const name of names) extended.push([name, await resolver.resolve(name, scope, [])]);
  return withKeys(document, { services: withKeys(services, Object.fromEntries(extended)) });
}

/** The services of one file. */
interface Scope {
  readonly file: SourceFile;
  /** Where paths in it begin. */
  readonly directory: string;
  /** In canonical form; undefined where there is none of that name. */
  service(name: string): Node | undefined;
  names(): Iterable<string>;
}

class Resolver {
  readonly #context: ReadContext;
  readonly #scopes = new Map<string, Promise<Scope>>();
  readonly #done = new Map<Scope, Map<string, Node>>();

  constructor(context: ReadContext) {
    this.#context = context;
  }

  /** The service with its bases merged under it. `chain` is what led to it. */
  async resolve(name: string, scope: Scope, chain: readonly string[]): Promise<Node | undefined> {
    const known = this.#done.get(scope)?.get(name);
    if (known !== undefined) return known;
    const service = scope.service(name);
    const wanted = child(service, 'extends');
    if (service?.kind !== 'map' || wanted === undefined || wanted.tag === 'reset') return service;
    const path = ['services', name, 'extends'];
    const link = `${name} in ${scope.file.name}`;
    if (chain.includes(link)) {
      throw errorAt(wanted.at, path, `circular reference: ${[...chain.slice(chain.indexOf(link)), link].join(' -> ')}`);
    }
    const base = await this.#base(wanted, name, scope, [...chain, link]);
    const own = withKeys(service, { extends: undefined });
    const merged = base === undefined || isNull(base) ? own : merge(base, own, SERVICE);
    const done = this.#done.get(scope) ?? new Map<string, Node>();
    this.#done.set(scope, done.set(name, merged ?? own));
    return merged;
  }

  async #base(wanted: Node, name: string, scope: Scope, chain: readonly string[]): Promise<Node | undefined> {
    const reference = textOf(child(wanted, 'service'));
    const fileName = textOf(child(wanted, 'file'));
    const path = ['services', name, 'extends'];
    if (reference === undefined) throw errorAt(wanted.at, path, `services.${name}.extends: missing property "service"`);
    const other = fileName === undefined ? scope : await this.#scope(fileName, wanted, name, scope);
    const base = await this.resolve(reference, other, chain);
    if (base === undefined) {
      const close = nearest(reference, other.names());
      throw errorAt(
        wanted.at,
        path,
        `cannot extend service "${name}": service "${reference}" not found in ${other.file.name}`,
        close === undefined ? undefined : `did you mean "${close}"?`,
      );
    }
    if (other === scope) return base;
    // Without path resolution paths stay relative, but still to the project's directory.
    const { directory, model } = this.#context;
    return resolvePaths(base, SERVICE, model.resolvePaths ? other.directory : relative(directory, other.directory));
  }

  async #scope(fileName: string, wanted: Node, name: string, from: Scope): Promise<Scope> {
    const at = child(wanted, 'file')?.at ?? wanted.at;
    const path = ['services', name, 'extends', 'file'];
    if (/^(?:oci|https?|git|ssh):\/\/|^git@/.test(fileName)) {
      throw errorAt(
        at,
        path,
        `extends from ${fileName}: only local files can be extended`,
        undefined,
        'ERR_COMPOSE_UNSUPPORTED',
      );
    }
    const complete = completePath(fileName, 'file', from.directory);
    const known = this.#scopes.get(complete);
    if (known !== undefined) return await known;
    const opening = this.#open(complete, at, path);
    this.#scopes.set(complete, opening);
    return await opening;
  }

  async #open(file: string, at: Node['at'], path: readonly string[]): Promise<Scope> {
    const { reader, signal } = this.#context;
    let source: SourceFile;
    try {
      source = await reader.composeFile(file, signal);
    } catch (error) {
      if (!(error instanceof WcError)) throw error;
      throw errorAt(at, path, error.message, undefined, error.code);
    }
    return await this.#scopeOf(source, dirname(file));
  }

  async #scopeOf(source: SourceFile, directory: string): Promise<Scope> {
    const { problems, model, environment } = this.#context;
    const services = new Map<string, Node>();
    for (const document of await parseYaml(source)) {
      for (const [name, raw] of entriesOf(child(document, 'services'))) services.set(name, raw);
    }
    // Only the services that are extended are looked at: the others need not make sense here.
    return {
      file: source,
      directory,
      names: () => services.keys(),
      service: (name) => {
        const raw = services.get(name);
        if (raw?.kind !== 'map') return raw;
        const path = ['services', name];
        const filled = model.interpolate ? interpolate(raw, path, environment.lookup, problems) : raw;
        const service = canonical(filled, SERVICE, path, { problems, raw: !model.interpolate });
        problems.throwErrors();
        return service;
      },
    };
  }
}
