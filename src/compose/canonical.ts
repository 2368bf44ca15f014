import { Memo } from './memo.ts';
import { nearest } from './nearest.ts';
import { isNull, mapValues } from './node.ts';
import type { ListNode, MapNode, Node, ScalarNode } from './node.ts';
import { RuleContext } from './rule-context.ts';
import type { WalkOptions } from './rule-context.ts';
import { any } from './rules.ts';
import type { DictRule, ListRule, ObjectRule, Rule, ScalarRule } from './rules.ts';
import { OLD_BOOLEANS, SCALAR_TYPES } from './scalar-types.ts';
import { pathText } from './source-file.ts';
import type { Path, Position } from './source-file.ts';

/**
 * The value in its long form with every scalar of the type its rule asks for. What does not fit its rule is an error
 * at its place; the walk goes on, so that one run shows all of them. What only the merged file can tell (required
 * keys, values of null) is left to `complete`.
 */
export function canonical(node: Node, rule: Rule, path: Path, options: WalkOptions): Node {
  return new Canonical(new RuleContext(path, options)).read(node, rule);
}

/** Items with the same key are one, at the place of the first. */
export function unique(items: readonly Node[], rule: ListRule): readonly Node[] {
  const { unique: keyOf } = rule;
  if (keyOf === undefined || items.length < 2) return items;
  const found = new Map<string, Node>();
  for (const item of items) found.set(keyOf(item), item);
  return [...found.values()];
}

/** The rule of a key below a node that has `rule`. */
export function ruleOf(rule: Rule, key: string): Rule {
  if (rule.kind === 'dict') return rule.value;
  if (rule.kind === 'object' && Object.hasOwn(rule.keys, key)) return rule.keys[key] ?? any;
  return any;
}

class Canonical {
  readonly #context: RuleContext;
  readonly #memo = new Memo();

  constructor(context: RuleContext) {
    this.#context = context;
  }

  read(node: Node, rule: Rule): Node {
    if (rule.kind === 'any') return node;
    return this.#memo.get(node, rule, () => this.#convert(node, rule));
  }

  /** The value of a key or of a position in a list. */
  #below(key: string | number, node: Node, rule: Rule): Node {
    const { path } = this.#context;
    path.push(key);
    const read = this.read(node, rule);
    path.pop();
    return read;
  }

  #convert(given: Node, rule: Exclude<Rule, { kind: 'any' }>): Node {
    if (given.tag === 'reset' || isNull(given) || this.#holdsVariable(given, rule)) return given;
    const node = this.#expand(given, rule);
    return node === undefined ? given : this.#check(node, rule);
  }

  /** Undefined: the short form is wrong and has been told of; that it is no long form either is no news. */
  #expand(given: Node, rule: Rule): Node | undefined {
    if (rule.expand === undefined) return given;
    const { problems } = this.#context;
    const before = problems.count;
    const expanded = rule.expand(given, this.#context);
    if (expanded === given) return problems.count > before ? undefined : given;
    return { ...expanded, tag: given.tag };
  }

  #check(node: Node, rule: Exclude<Rule, { kind: 'any' }>): Node {
    switch (rule.kind) {
      case 'scalar':
        return node.kind === 'scalar' ? this.#scalar(node, rule) : this.#misfit(node, expects(rule));
      case 'list':
        return node.kind === 'list' ? this.#list(node, rule) : this.#misfit(node, 'a list');
      case 'object':
        return node.kind === 'map' ? this.#object(node, rule) : this.#misfit(node, 'a mapping');
      case 'dict':
        return node.kind === 'map' ? this.#dict(node, rule) : this.#misfit(node, 'a mapping');
    }
  }

  #holdsVariable(node: Node, rule: Rule): boolean {
    if (!this.#context.raw || node.kind !== 'scalar' || typeof node.value !== 'string') return false;
    // What has a short form knows better itself.
    return node.value.includes('$') && rule.expand === undefined;
  }

  #scalar(node: ScalarNode, rule: ScalarRule): ScalarNode {
    const { value } = node;
    if (value === null) return node;
    const read = SCALAR_TYPES[rule.type].read(value);
    if (read === undefined) return this.#misfit(node, `${expects(rule)}, not ${shown(value)}`);
    if (rule.type === 'boolean' && typeof value === 'string' && Object.hasOwn(OLD_BOOLEANS, value.toLowerCase())) {
      const meant = OLD_BOOLEANS[value.toLowerCase()] === true ? 'true' : 'false';
      const message = `"${value}" for boolean is not supported by YAML 1.2, please use \`${meant}\``;
      this.#context.problems.warn(message, node.at, this.#context.path);
    }
    this.#checkRange(node, read, rule);
    return read === value ? node : { ...node, value: read };
  }

  #checkRange(node: ScalarNode, value: string | number | boolean | null, rule: ScalarRule): void {
    const text = String(value);
    if (rule.oneOf !== undefined && !rule.oneOf.includes(text)) {
      const suggestion = nearest(text, rule.oneOf);
      this.#error(
        node,
        `must be one of ${rule.oneOf.join(', ')}, not ${shown(text)}`,
        suggestion === undefined ? undefined : `did you mean "${suggestion}"?`,
      );
    }
    if (rule.pattern !== undefined && !rule.pattern.test(text)) {
      this.#error(node, `${shown(text)} is not a value it can have`);
    }
    if (rule.atLeast !== undefined && Number(value) < rule.atLeast) {
      this.#error(node, `must be greater than or equal to ${rule.atLeast}`);
    }
    if (rule.atMost !== undefined && Number(value) > rule.atMost) {
      this.#error(node, `must be less than or equal to ${rule.atMost}`);
    }
  }

  #list(node: ListNode, rule: ListRule): ListNode {
    const items: Node[] = [];
    for (const [index, item] of node.items.entries()) {
      if (item.tag === 'reset') {
        items.push(item);
        continue;
      }
      this.#context.path.push(index);
      for (const one of rule.expandItem?.(item, this.#context) ?? [item]) items.push(this.read(one, rule.item));
      this.#context.path.pop();
    }
    return { ...node, items: unique(items, rule) };
  }

  #object(node: MapNode, rule: ObjectRule): MapNode {
    return mapValues(node, (value, key, { keyAt }) => {
      if (Object.hasOwn(rule.keys, key)) return this.#below(key, value, ruleOf(rule, key));
      if (rule.closed !== true && key.startsWith('x-')) return value;
      this.#unknownKey(key, keyAt, rule);
      return undefined;
    });
  }

  #unknownKey(key: string, keyAt: Position, rule: ObjectRule): void {
    const suggestion = nearest(key, Object.keys(rule.keys));
    const path = [...this.#context.path, key];
    const hint = suggestion === undefined ? undefined : `did you mean "${suggestion}"?`;
    this.#context.problems.error(keyAt, path, `${pathText(path)}: unknown key "${key}"`, hint);
  }

  #dict(node: MapNode, rule: DictRule): MapNode {
    const { path, problems } = this.#context;
    return mapValues(node, (value, key, { keyAt }) => {
      if (rule.key !== undefined && !rule.key.test(key)) {
        problems.error(keyAt, [...path, key], `${pathText(path)}: "${key}" cannot be a name here`, NAME_HINT);
      }
      return this.#below(key, value, rule.value);
    });
  }

  #misfit<T extends Node>(node: T, expected: string): T {
    this.#error(node, `must be ${expected}`);
    return node;
  }

  #error(node: Node, message: string, hint?: string): void {
    const { path, problems } = this.#context;
    const name = path.length === 0 ? 'top-level object' : `${pathText(path)}:`;
    problems.error(node.at, path, `${name} ${message}`, hint);
  }
}

const NAME_HINT = 'letters, digits, dots, dashes and underscores are allowed';

function expects(rule: ScalarRule): string {
  return SCALAR_TYPES[rule.type].expects;
}

function shown(value: string | number | boolean): string {
  return JSON.stringify(value);
}
