import type { SourceRef, Warning } from '../model/diagnostic.ts';
import type { LoadedModel } from './load-model.ts';
import { child, entriesOf } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { Problems } from './problems.ts';
import { pathText, sourceRef } from './source-file.ts';
import type { Path } from './source-file.ts';

/** The way from the compose model to the `Project`: what cannot be run is told with its place, all of it in one run. */
export class Conversion {
  readonly loaded: LoadedModel;
  readonly #problems = new Problems();
  #services: ReadonlyMap<string, Node> | undefined;

  constructor(loaded: LoadedModel) {
    this.loaded = loaded;
  }

  get root(): MapNode {
    return this.loaded.model.root;
  }

  /** The services of this run. */
  service(name: string): Node | undefined {
    return (this.#services ??= new Map(entriesOf(child(this.root, 'services')))).get(name);
  }

  get warnings(): readonly Warning[] {
    return this.#problems.warnings;
  }

  /** Compose allows it, this version does not do it. */
  unsupported(at: Node, path: Path, what: string, hint?: string): void {
    this.#problems.error(at.at, path, `${pathText(path)}: ${what}`, hint, 'ERR_COMPOSE_UNSUPPORTED');
  }

  invalid(at: Node, path: Path, what: string, hint?: string): void {
    this.#problems.error(at.at, path, `${pathText(path)}: ${what}`, hint);
  }

  warn(at: Node, path: Path, what: string): void {
    this.#problems.warn(`${pathText(path)}: ${what}`, at.at, path);
  }

  source(at: Node, path: Path): SourceRef {
    return sourceRef(at.at, path);
  }

  /** Something cannot be run. */
  get failed(): boolean {
    return this.#problems.failed;
  }

  /** Throws what was found. */
  finish(): void {
    this.#problems.throwErrors();
  }
}
