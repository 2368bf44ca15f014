import { ruleOf, unique } from './canonical.ts';
import { isNull, mapItems, mapValues } from './node.ts';
import type { Entry, ListNode, MapNode, Node } from './node.ts';
import { any } from './rules.ts';
import type { Rule } from './rules.ts';

/**
 * The value that stands where a later file follows an earlier one; both in canonical form. Mappings merge, lists
 * are appended, scalars replace, except where the rule says otherwise. `!reset` in the later one removes,
 * `!override` replaces; the result has no such tags. Undefined: nothing is left.
 */
export function merge(base: Node | undefined, over: Node, rule: Rule): Node | undefined {
  if (over.tag === 'reset') return undefined;
  if (base === undefined || over.tag === 'override') return settle(over);
  if (rule.merge === 'replace') return settle(over);
  if (isNull(over)) return base;
  if (typeof rule.merge === 'function') {
    return rule.merge(base, settle(over), (left, right) => mergeContents(left, right, rule) ?? right);
  }
  return mergeContents(base, over, rule);
}

/** The earlier files without what a later one resets or overrides, wherever in it that is said. */
export function withoutTagged(base: Node, over: Node): Node {
  if (base.kind !== 'map' || over.kind !== 'map') return base;
  let entries: Map<string, Entry> | undefined;
  for (const [key, { value }] of over.entries) {
    const present = base.entries.get(key);
    if (present === undefined) continue;
    if (value.tag !== undefined) {
      (entries ??= new Map(base.entries)).delete(key);
      continue;
    }
    const kept = withoutTagged(present.value, value);
    if (kept !== present.value) (entries ??= new Map(base.entries)).set(key, { keyAt: present.keyAt, value: kept });
  }
  return entries === undefined ? base : { ...base, entries };
}

/** The value of a file that none comes before: what is reset is not there. */
export function settle(node: Node): Node {
  const done = new Map<Node, Node>();
  const visit = (value: Node): Node => {
    if (value.kind === 'scalar') return value.tag === undefined ? value : { ...value, tag: undefined };
    const known = value.shared === true ? done.get(value) : undefined;
    if (known !== undefined) return known;
    const result = change(value);
    if (value.shared === true) done.set(value, result);
    return result;
  };
  const change = (value: ListNode | MapNode): Node => {
    if (value.kind === 'map')
      return mapValues(untagged(value), (inner) => (inner.tag === 'reset' ? undefined : visit(inner)));
    const kept = value.items.some((item) => item.tag === 'reset')
      ? { ...value, items: value.items.filter((item) => item.tag !== 'reset') }
      : value;
    return mapItems(untagged(kept), visit);
  };
  return visit(node);
}

function untagged<N extends Node>(node: N): N {
  return node.tag === undefined ? node : { ...node, tag: undefined };
}

function mergeContents(base: Node, over: Node, rule: Rule): Node | undefined {
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, rule);
  if (base.kind === 'list' && over.kind === 'list') {
    const added = settle(over);
    const items = [...base.items, ...(added.kind === 'list' ? added.items : [])];
    return { ...base, items: rule.kind === 'list' ? unique(items, rule) : items };
  }
  return settle(over);
}

function mergeMaps(base: MapNode, over: MapNode, rule: Rule): MapNode {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const present = entries.get(key);
    const nullWins =
      rule.kind === 'dict' && rule.nullWins === true && isNull(entry.value) && entry.value.tag !== 'reset';
    const value = nullWins ? settle(entry.value) : merge(present?.value, entry.value, ruleOf(rule, key) ?? any);
    if (value === undefined) entries.delete(key);
    // The place of the value that counts; the key keeps the place of its first appearance in the order.
    else entries.set(key, { keyAt: value === present?.value ? present.keyAt : entry.keyAt, value });
  }
  return { ...base, entries };
}
