import type { SourceRef } from '../model/diagnostic.ts';
import { ruleOf } from './canonical.ts';
import { child, toJson } from './node.ts';
import type { Json, Node } from './node.ts';
import { parseYaml } from './parse-yaml.ts';
import { saysNothing } from './printable.ts';
import type { Rule } from './rules.ts';
import { SERVICE } from './service-attributes.ts';
import { pathText, sourceRef } from './source-file.ts';
import type { Path, Position, SourceFile } from './source-file.ts';

/** One value of a service and where it was said. */
export interface Explanation {
  /** Below the service: `environment.TAG`, `ports[0]`. */
  readonly path: string;
  readonly value: Json;
  readonly source: SourceRef;
  readonly origin: Origin;
}

/**
 * How the value came from what stands there.
 *
 * | kind         | there stands                                                                    |
 * |--------------|---------------------------------------------------------------------------------|
 * | written      | the value                                                                       |
 * | rewritten    | `text`: a short form, a relative path, a number that is a text here             |
 * | interpolated | `text`, with variables                                                          |
 * | environment  | a name without a value: the variable of the caller or of the `.env`             |
 * | file         | `text`: an `env_file` or `label_file` that holds the value                      |
 * | implied      | something that has this as its consequence: a service is on the default network |
 */
export type Origin =
  | { readonly kind: 'written' | 'environment' | 'implied' }
  | { readonly kind: 'rewritten' | 'interpolated' | 'file'; readonly text: string };

/** The service's values after merging, in the order of `config`; what one text stands for is one value. */
export async function explainService(root: Node, service: string): Promise<readonly Explanation[]> {
  const found: Explanation[] = [];
  const whole = child(root, 'services', service);
  const writings = await Writings.of(whole);
  const visit = (node: Node, rule: Rule, path: Path): void => {
    if (path.length > 0 && (node.kind === 'scalar' || saidAtOnce(node) || isEmpty(node))) {
      found.push({
        path: pathText(path),
        value: toJson(node),
        source: sourceRef(node.at, ['services', service, ...path]),
        origin: originOf(node, path, writings.at(node.at)),
      });
    } else if (node.kind === 'list') {
      const its: Rule = rule.kind === 'list' ? rule.item : ANY;
      for (const [index, item] of node.items.entries()) visit(item, its, [...path, index]);
    } else if (node.kind === 'map') {
      for (const [key, { value }] of [...node.entries].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        const its = ruleOf(rule, key);
        if (rule.kind !== 'object' || !saysNothing(value, its)) visit(value, its, [...path, key]);
      }
    }
  };
  if (whole !== undefined) visit(whole, SERVICE, []);
  return found;
}

const ANY: Rule = { kind: 'any' };

/** What a file holds at some place, before anything is done with it. */
interface Writing {
  readonly path: Path;
  readonly node: Node;
}

function originOf(node: Node, path: Path, writing: Writing | undefined): Origin {
  if (writing === undefined) return { kind: 'written' };
  const { path: place, node: written } = writing;
  if (written.kind !== 'scalar') {
    // What says nothing of its own stands where the service, or what it belongs to, stands.
    return { kind: node.kind === 'scalar' || place.length === 2 ? 'implied' : 'written' };
  }
  return originOfText(node, path, place[2], String(written.value ?? ''));
}

function originOfText(node: Node, path: Path, attribute: string | number | undefined, text: string): Origin {
  if ((attribute === 'env_file' || attribute === 'label_file') && path[0] !== attribute) return { kind: 'file', text };
  if (node.kind === 'scalar' && String(node.value ?? '') === text) return { kind: 'written' };
  if (text === '' || text === path.at(-1)) return { kind: node.kind === 'scalar' ? 'environment' : 'written' };
  return { kind: text.includes('$') ? 'interpolated' : 'rewritten', text };
}

/** The values of the files as they are written, by their place. */
class Writings {
  readonly #files: ReadonlyMap<SourceFile, ReadonlyMap<number, Writing>>;

  private constructor(files: ReadonlyMap<SourceFile, ReadonlyMap<number, Writing>>) {
    this.#files = files;
  }

  /** Of the files that the node's values come from. */
  static async of(node: Node | undefined): Promise<Writings> {
    const files = new Set<SourceFile>();
    const visit = (value: Node): void => {
      files.add(value.at.file);
      if (value.kind === 'list') value.items.forEach(visit);
      if (value.kind === 'map') for (const entry of value.entries.values()) visit(entry.value);
    };
    if (node !== undefined) visit(node);
    return new Writings(new Map(await Promise.all([...files].map(writingsOf))));
  }

  at({ file, offset }: Position): Writing | undefined {
    return this.#files.get(file)?.get(offset);
  }
}

async function writingsOf(file: SourceFile): Promise<readonly [SourceFile, ReadonlyMap<number, Writing>]> {
  const found = new Map<number, Writing>();
  // What an alias stands for has its place where the anchor is.
  const visited = new Set<Node>();
  const visit = (node: Node, path: Path): void => {
    if (visited.has(node)) return;
    visited.add(node);
    if (node.kind === 'scalar' || !found.has(node.at.offset)) found.set(node.at.offset, { path, node });
    if (node.kind === 'list') for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    if (node.kind === 'map') for (const [key, { value }] of node.entries) visit(value, [...path, key]);
  };
  for (const document of await parseYaml(file)) visit(document, []);
  return [file, found];
}

/** All of it comes from one place: a short form. */
function saidAtOnce(node: Node): boolean {
  const { file, offset } = node.at;
  const same = (inner: Node): boolean => {
    if (inner.at.file !== file || inner.at.offset !== offset) return false;
    if (inner.kind === 'scalar') return true;
    return inner.kind === 'list'
      ? inner.items.every(same)
      : [...inner.entries.values()].every(({ value }) => same(value));
  };
  return same(node);
}

function isEmpty(node: Node): boolean {
  return node.kind === 'list' ? node.items.length === 0 : node.kind === 'map' && node.entries.size === 0;
}
