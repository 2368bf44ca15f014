import { WcError } from '../model/diagnostic.ts';
import { child, entriesOf, isTrue, itemsOf, map, scalar, textOf, withKeys } from './node.ts';
import type { Entry, MapNode, Node } from './node.ts';
import { errorAt } from './problems.ts';
import { readDotenv } from './project-environment.ts';
import type { Environment } from './project-environment.ts';
import type { FileReader } from './read-text.ts';
import type { Lookup } from './template.ts';

export interface ServiceFilesOptions {
  readonly environment: Environment;
  readonly reader: FileReader;
  /** False: env files are left alone. */
  readonly envFiles: boolean;
  /** A service whose files are missing or wrong is left out, where it is none of these. */
  readonly needed: ReadonlySet<string>;
}

/** The model with the contents of `env_file` in `environment` and those of `label_file` in `labels`. */
export async function readServiceFiles(
  model: MapNode,
  options: ServiceFilesOptions,
  signal: AbortSignal,
): Promise<MapNode> {
  const services = child(model, 'services');
  if (services?.kind !== 'map') return model;
  const entries = new Map<string, Entry>();
  for (const [name, entry] of services.entries) {
    if (child(entry.value, 'env_file') === undefined && child(entry.value, 'label_file') === undefined) {
      entries.set(name, entry);
      continue;
    }
    const files = new ServiceFiles(name, entry.value, options.environment, options.reader, signal);
    try {
      const withEnvironment = options.envFiles ? await files.environment() : entry.value;
      entries.set(name, { keyAt: entry.keyAt, value: await files.labels(withEnvironment) });
    } catch (error) {
      if (!(error instanceof WcError) || options.needed.has(name)) throw error;
    }
  }
  return withKeys(model, { services: { ...services, entries } });
}

class ServiceFiles {
  readonly #name: string;
  readonly #service: Node;
  readonly #project: Environment;
  readonly #reader: FileReader;
  readonly #signal: AbortSignal;

  constructor(name: string, service: Node, project: Environment, reader: FileReader, signal: AbortSignal) {
    this.#name = name;
    this.#service = service;
    this.#project = project;
    this.#reader = reader;
    this.#signal = signal;
  }

  /** `environment` wins over files, also where it is null; a later file wins over an earlier one. */
  async environment(): Promise<Node> {
    const service = this.#service;
    const files = itemsOf(child(service, 'env_file'));
    if (service.kind !== 'map' || files.length === 0) return service;
    const own = new Map(entriesOf(child(service, 'environment')));
    const found = new Map<string, string>();
    const nodes = new Map<string, Node>();
    const lookup: Lookup = (name) => this.#project.get(name) ?? textOf(own.get(name));
    for (const [index, file] of files.entries()) {
      for (const [key, value] of await this.#read(file, index, lookup, found)) {
        found.set(key, value);
        nodes.set(key, scalar(value, file.at));
      }
    }
    return withKeys(service, {
      environment: map(Object.fromEntries([...nodes, ...own]), child(service, 'environment')?.at ?? service.at),
      env_file: undefined,
    });
  }

  async labels(service: Node): Promise<Node> {
    const files = itemsOf(child(service, 'label_file'));
    if (service.kind !== 'map' || files.length === 0) return service;
    const found = new Map<string, Node>();
    for (const [index, item] of files.entries()) {
      const path = textOf(item) ?? '';
      const file = await this.#reader.textFile(path, this.#signal);
      const at = ['services', this.#name, 'label_file', index];
      if (file === undefined) throw errorAt(item.at, at, `label file ${path} not found`);
      const values = readDotenv(file, (name) => textOf(found.get(name)));
      for (const [key, value] of values) found.set(key, scalar(value, item.at));
    }
    const labels = new Map([...found, ...entriesOf(child(service, 'labels'))]);
    return withKeys(service, {
      labels: map(Object.fromEntries(labels), child(service, 'labels')?.at ?? service.at),
      label_file: undefined,
    });
  }

  async #read(
    entry: Node,
    index: number,
    lookup: Lookup,
    earlier: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, string>> {
    const path = textOf(child(entry, 'path')) ?? '';
    const format = child(entry, 'format');
    const at = ['services', this.#name, 'env_file', index];
    const file = await this.#reader.textFile(path, this.#signal);
    if (file === undefined) {
      if (!isTrue(child(entry, 'required'))) return new Map();
      throw errorAt(entry.at, at, `env file ${path} not found`, 'set required: false where it may be missing');
    }
    const name = textOf(format) ?? '';
    if (name === 'raw') return readDotenv(file, lookup, earlier, 'raw');
    if (name === '' || name === 'dotenv') return readDotenv(file, lookup, earlier);
    throw errorAt(
      format?.at ?? entry.at,
      at,
      `unsupported env_file format "${name}"`,
      'the formats are dotenv and raw',
    );
  }
}
