import { ruleOf } from './canonical.ts';
import { Memo } from './memo.ts';
import { isNull, mapItems, mapValues, scalar } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { RuleContext } from './rule-context.ts';
import type { WalkOptions } from './rule-context.ts';
import type { ObjectRule, Rule } from './rules.ts';
import { SCALAR_TYPES } from './scalar-types.ts';
import type { Path } from './source-file.ts';

/** The merged value with its defaults; what is missing or makes no sense as a whole is an error at its place. */
export function complete(node: Node, rule: Rule, path: Path, options: WalkOptions): Node {
  return new Completion(new RuleContext(path, options)).read(node, rule);
}

class Completion {
  readonly #context: RuleContext;
  readonly #memo = new Memo();

  constructor(context: RuleContext) {
    this.#context = context;
  }

  read(node: Node, rule: Rule): Node {
    if (rule.kind === 'any') return node;
    return this.#memo.get(node, rule, () => this.#complete(node, rule));
  }

  #below(key: string | number, node: Node, rule: Rule): Node {
    const { path } = this.#context;
    path.push(key);
    const read = this.read(node, rule);
    path.pop();
    return read;
  }

  #complete(node: Node, rule: Exclude<Rule, { kind: 'any' }>): Node {
    if (isNull(node)) {
      if (rule.nullable !== true) this.#context.error(node, `must be ${EXPECTED[rule.kind](rule)}`);
      return node;
    }
    rule.check?.(node, this.#context);
    if (node.kind === 'list' && rule.kind === 'list') {
      return mapItems(node, (item, index) => this.#below(index, item, rule.item));
    }
    if (node.kind === 'map' && rule.kind === 'object') return this.#object(node, rule);
    if (node.kind === 'map' && rule.kind === 'dict') return this.#entries(node, rule);
    return node;
  }

  #object(node: MapNode, rule: ObjectRule): MapNode {
    for (const key of rule.required ?? []) {
      if (!node.entries.has(key)) this.#context.error(node, `missing property "${key}"`);
    }
    const read = this.#entries(node, rule);
    const completed = rule.finish?.(read) ?? read;
    if (rule.defaults === undefined) return completed;
    const entries = new Map(completed.entries);
    for (const [key, value] of Object.entries(rule.defaults)) {
      if (!entries.has(key)) entries.set(key, { keyAt: node.at, value: scalar(value, node.at) });
    }
    return { ...completed, entries };
  }

  #entries(node: MapNode, rule: Rule): MapNode {
    return mapValues(node, (value, key) => this.#below(key, value, ruleOf(rule, key)));
  }
}

const EXPECTED: Readonly<Record<Rule['kind'], (rule: Rule) => string>> = {
  scalar: (rule) => (rule.kind === 'scalar' ? SCALAR_TYPES[rule.type].expects : ''),
  list: () => 'a list',
  object: () => 'a mapping',
  dict: () => 'a mapping',
  any: () => '',
};
