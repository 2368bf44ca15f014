import { Memo } from './memo.ts';
import { nearest } from './nearest.ts';
import { isNull } from './node.ts';
import type { Entry, ListNode, MapNode, Node, ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';
import { any } from './rules.ts';
import type { DictRule, ExpandContext, ListRule, ObjectRule, Rule, ScalarRule } from './rules.ts';
import { OLD_BOOLEANS, SCALAR_TYPES } from './scalar-types.ts';
import { pathText } from './source-file.ts';
import type { Path } from './source-file.ts';

export interface CanonicalOptions {
  readonly problems: Problems;
  /** Variables are not filled in: a text that holds one is left as it is. */
  readonly raw: boolean;
}

/**
 * The value in its long form with every scalar of the type its rule asks for. What does not fit its rule is an error
 * at its place; the walk goes on, so that one run shows all of them. What only the merged file can tell (required
 * keys, values of null) is left to `complete`.
 */
export function canonical(node: Node, rule: Rule, path: Path, options: CanonicalOptions): Node {
  return new Canonical(options).read(node, rule, path);
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
  readonly #options: CanonicalOptions;
  readonly #memo = new Memo();

  constructor(options: CanonicalOptions) {
    this.#options = options;
  }

  read(node: Node, rule: Rule, path: Path): Node {
    if (rule.kind === 'any') return node;
    return this.#memo.get(node, rule, () => this.#convert(node, rule, path));
  }

  #convert(given: Node, rule: Exclude<Rule, { kind: 'any' }>, path: Path): Node {
    if (given.tag === 'reset' || isNull(given) || this.#holdsVariable(given, rule)) return given;
    const node = this.#expand(given, rule, path);
    return node === undefined ? given : this.#check(node, rule, path);
  }

  /** Undefined: the short form is wrong and has been told of; that it is no long form either is no news. */
  #expand(given: Node, rule: Rule, path: Path): Node | undefined {
    if (rule.expand === undefined) return given;
    const { problems } = this.#options;
    const before = problems.count;
    const expanded = rule.expand(given, this.#context(path));
    if (expanded === given) return problems.count > before ? undefined : given;
    return { ...expanded, tag: given.tag };
  }

  #check(node: Node, rule: Exclude<Rule, { kind: 'any' }>, path: Path): Node {
    switch (rule.kind) {
      case 'scalar':
        return node.kind === 'scalar' ? this.#scalar(node, rule, path) : this.#misfit(node, expects(rule), path);
      case 'list':
        return node.kind === 'list' ? this.#list(node, rule, path) : this.#misfit(node, 'a list', path);
      case 'object':
        return node.kind === 'map' ? this.#object(node, rule, path) : this.#misfit(node, 'a mapping', path);
      case 'dict':
        return node.kind === 'map' ? this.#dict(node, rule, path) : this.#misfit(node, 'a mapping', path);
    }
  }

  #holdsVariable(node: Node, rule: Rule): boolean {
    if (!this.#options.raw || node.kind !== 'scalar' || typeof node.value !== 'string') return false;
    // What has a short form knows better itself.
    return node.value.includes('$') && rule.expand === undefined;
  }

  #scalar(node: ScalarNode, rule: ScalarRule, path: Path): ScalarNode {
    const { value } = node;
    if (value === null) return node;
    const read = SCALAR_TYPES[rule.type].read(value);
    if (read === undefined) return this.#misfit(node, `${expects(rule)}, not ${shown(value)}`, path);
    if (rule.type === 'boolean' && typeof value === 'string' && Object.hasOwn(OLD_BOOLEANS, value.toLowerCase())) {
      const meant = OLD_BOOLEANS[value.toLowerCase()] === true ? 'true' : 'false';
      this.#options.problems.warn(
        `"${value}" for boolean is not supported by YAML 1.2, please use \`${meant}\``,
        node.at,
        path,
      );
    }
    this.#checkRange(node, read, rule, path);
    return read === value ? node : { ...node, value: read };
  }

  #checkRange(node: ScalarNode, value: string | number | boolean | null, rule: ScalarRule, path: Path): void {
    const text = String(value);
    if (rule.oneOf !== undefined && !rule.oneOf.includes(text)) {
      const suggestion = nearest(text, rule.oneOf);
      this.#error(
        node,
        path,
        `must be one of ${rule.oneOf.join(', ')}, not ${shown(text)}`,
        suggestion === undefined ? undefined : `did you mean "${suggestion}"?`,
      );
    }
    if (rule.pattern !== undefined && !rule.pattern.test(text)) {
      this.#error(node, path, `${shown(text)} is not a value it can have`);
    }
    if (rule.atLeast !== undefined && Number(value) < rule.atLeast) {
      this.#error(node, path, `must be greater than or equal to ${rule.atLeast}`);
    }
    if (rule.atMost !== undefined && Number(value) > rule.atMost) {
      this.#error(node, path, `must be less than or equal to ${rule.atMost}`);
    }
  }

  #list(node: ListNode, rule: ListRule, path: Path): ListNode {
    const items = node.items.flatMap((item, index) => {
      const at = [...path, index];
      if (item.tag === 'reset') return [item];
      const several = rule.expandItem?.(item, this.#context(at)) ?? [item];
      return several.map((one) => this.read(one, rule.item, at));
    });
    return { ...node, items: unique(items, rule) };
  }

  #object(node: MapNode, rule: ObjectRule, path: Path): MapNode {
    const entries = new Map<string, Entry>();
    for (const [key, entry] of node.entries) {
      const known = Object.hasOwn(rule.keys, key);
      if (!known && (rule.closed === true || !key.startsWith('x-'))) {
        this.#unknownKey(key, entry, rule, path);
        continue;
      }
      const value = known ? this.read(entry.value, ruleOf(rule, key), [...path, key]) : entry.value;
      entries.set(key, { keyAt: entry.keyAt, value });
    }
    return { ...node, entries };
  }

  #unknownKey(key: string, entry: Entry, rule: ObjectRule, path: Path): void {
    const suggestion = nearest(key, Object.keys(rule.keys));
    this.#options.problems.error(
      entry.keyAt,
      [...path, key],
      `${pathText([...path, key])}: unknown key "${key}"`,
      suggestion === undefined ? undefined : `did you mean "${suggestion}"?`,
    );
  }

  #dict(node: MapNode, rule: DictRule, path: Path): MapNode {
    const entries = new Map<string, Entry>();
    for (const [key, entry] of node.entries) {
      const at = [...path, key];
      if (rule.key !== undefined && !rule.key.test(key)) {
        this.#options.problems.error(entry.keyAt, at, `${pathText(path)}: "${key}" cannot be a name here`, NAME_HINT);
      }
      entries.set(key, { keyAt: entry.keyAt, value: this.read(entry.value, rule.value, at) });
    }
    return { ...node, entries };
  }

  #misfit<T extends Node>(node: T, expected: string, path: Path): T {
    this.#error(node, path, `must be ${expected}`);
    return node;
  }

  #error(node: Node, path: Path, message: string, hint?: string): void {
    const name = path.length === 0 ? 'top-level object' : `${pathText(path)}:`;
    this.#options.problems.error(node.at, path, `${name} ${message}`, hint);
  }

  #context(path: Path): ExpandContext {
    return expandContext(path, this.#options);
  }
}

/** What rules' own functions may say. */
export function expandContext(path: Path, { problems, raw }: CanonicalOptions): ExpandContext {
  return {
    path,
    raw,
    error: (at, message, hint) => problems.error(at.at, path, `${pathText(path)}: ${message}`, hint),
    warn: (at, message) => problems.warn(`${pathText(path)}: ${message}`, at.at, path),
  };
}

const NAME_HINT = 'letters, digits, dots, dashes and underscores are allowed';

function expects(rule: ScalarRule): string {
  return SCALAR_TYPES[rule.type].expects;
}

function shown(value: string | number | boolean): string {
  return JSON.stringify(value);
}
