import { expandContext, ruleOf } from './canonical.ts';
import type { CanonicalOptions } from './canonical.ts';
import { Memo } from './memo.ts';
import { isNull, list, scalar } from './node.ts';
import type { Entry, ListNode, MapNode, Node } from './node.ts';
import type { ListRule, ObjectRule, Rule } from './rules.ts';
import { SCALAR_TYPES } from './scalar-types.ts';
import { pathText } from './source-file.ts';
import type { Path } from './source-file.ts';

/** The merged value with its defaults; what is missing or makes no sense as a whole is an error at its place. */
export function complete(node: Node, rule: Rule, path: Path, options: CanonicalOptions): Node {
  return new Completion(options).read(node, rule, path);
}

class Completion {
  readonly #options: CanonicalOptions;
  readonly #memo = new Memo();

  constructor(options: CanonicalOptions) {
    this.#options = options;
  }

  read(node: Node, rule: Rule, path: Path): Node {
    if (rule.kind === 'any') return node;
    return this.#memo.get(node, rule, () => this.#complete(node, rule, path));
  }

  #complete(node: Node, rule: Exclude<Rule, { kind: 'any' }>, path: Path): Node {
    if (isNull(node)) {
      if (rule.nullable !== true) this.#error(node, path, `${pathText(path)}: must be ${EXPECTED[rule.kind](rule)}`);
      return node;
    }
    rule.check?.(node, expandContext(path, this.#options));
    if (node.kind === 'list' && rule.kind === 'list') return this.#list(node, rule, path);
    if (node.kind === 'map' && rule.kind === 'object') return this.#object(node, rule, path);
    if (node.kind === 'map' && rule.kind === 'dict') return this.#entries(node, rule, path);
    return node;
  }

  #list(node: ListNode, rule: ListRule, path: Path): ListNode {
    return list(
      node.items.map((item, index) => this.read(item, rule.item, [...path, index])),
      node.at,
    );
  }

  #object(node: MapNode, rule: ObjectRule, path: Path): MapNode {
    for (const key of rule.required ?? []) {
      if (!node.entries.has(key)) this.#error(node, path, `${pathText(path)}: missing property "${key}"`);
    }
    const read = this.#entries(node, rule, path);
    const completed = rule.finish?.(read) ?? read;
    if (rule.defaults === undefined) return completed;
    const entries = new Map(completed.entries);
    for (const [key, value] of Object.entries(rule.defaults)) {
      if (!entries.has(key)) entries.set(key, { keyAt: node.at, value: scalar(value, node.at) });
    }
    return { ...completed, entries };
  }

  #entries(node: MapNode, rule: Rule, path: Path): MapNode {
    const entries = new Map<string, Entry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, { keyAt: entry.keyAt, value: this.read(entry.value, ruleOf(rule, key), [...path, key]) });
    }
    return { ...node, entries };
  }

  #error(node: Node, path: Path, message: string): void {
    this.#options.problems.error(node.at, path, message);
  }
}

const EXPECTED: Readonly<Record<Rule['kind'], (rule: Rule) => string>> = {
  scalar: (rule) => (rule.kind === 'scalar' ? SCALAR_TYPES[rule.type].expects : ''),
  list: () => 'a list',
  object: () => 'a mapping',
  dict: () => 'a mapping',
  any: () => '',
};
