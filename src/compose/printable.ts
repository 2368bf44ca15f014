import { ruleOf } from './canonical.ts';
import type { Json, MapNode, Node } from './node.ts';
import { child, isNull, textOf, toJson } from './node.ts';
import { any } from './rules.ts';
import type { ListRule, ObjectRule, Rule } from './rules.ts';

export interface PrintOptions {
  /** Also the keys that the JSON of docker compose always has. */
  readonly full: boolean;
  /** How texts are written; undefined: as they are. */
  readonly text?: ((text: string) => string) | undefined;
}

/** Plain data as `config` prints it: keys in alphabetical order; what says nothing is left out. */
export function printable(node: Node, rule: Rule, options: PrintOptions): Json {
  switch (node.kind) {
    case 'scalar':
      return typeof node.value === 'string' && options.text !== undefined ? options.text(node.value) : node.value;
    case 'list': {
      const items = rule.kind === 'list' ? inOrder(node.items, rule) : node.items;
      const its = rule.kind === 'list' ? rule.item : any;
      return items.map((item) => printable(item, its, options));
    }
    case 'map':
      return printableMap(node, rule, options);
  }
}

function printableMap(node: MapNode, rule: Rule, options: PrintOptions): Json {
  const single = singleLimit(node, rule);
  if (single !== undefined) return toJson(single);
  const always = options.full && rule.kind === 'object' ? rule.always : undefined;
  const keys = [...node.entries.keys()];
  for (const key of Object.keys(always ?? {})) if (!node.entries.has(key)) keys.push(key);
  // Extensions stay in the order in which they are written.
  if (rule.kind !== 'any' && rule.kind !== 'scalar') keys.sort();
  const printed: Record<string, Json> = {};
  for (const key of keys) {
    const its = ruleOf(rule, key);
    const value = node.entries.get(key)?.value;
    const silent = value === undefined || (rule.kind === 'object' && saysNothing(value, its));
    const json = silent ? ownValue(always, key) : printable(value, its, options);
    if (json === undefined) continue;
    define(printed, key, json);
  }
  return printed;
}

function ownValue(always: ObjectRule['always'], key: string): Json | undefined {
  return always !== undefined && Object.hasOwn(always, key) ? always[key] : undefined;
}

/** `__proto__` is a key like any other. */
function define(target: Record<string, Json>, key: string, value: Json): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { configurable: true, enumerable: true, writable: true, value });
}

/** A limit that was given as one number is one number again. */
function singleLimit(node: MapNode, rule: Rule): Node | undefined {
  return rule.kind === 'object' && 'single' in rule.keys ? child(node, 'single') : undefined;
}

function inOrder(items: readonly Node[], rule: ListRule): readonly Node[] {
  if (rule.sorted !== true) return items;
  return items.toSorted((a, b) => ((textOf(a) ?? '') < (textOf(b) ?? '') ? -1 : 1));
}

/** Whether the value is the same as no value at all. */
export function saysNothing(value: Node, rule: Rule): boolean {
  if (isNull(value)) return rule.kind !== 'any';
  if (rule.print === 'keep') return false;
  if (rule.print === 'not true') return value.kind === 'scalar' && value.value === true;
  switch (value.kind) {
    case 'scalar':
      return value.value === '' || value.value === 0 || value.value === false || isZeroSize(value.value, rule);
    case 'list':
      return value.items.length === 0;
    case 'map':
      return rule.kind === 'dict' && value.entries.size === 0;
  }
}

function isZeroSize(value: unknown, rule: Rule): boolean {
  return value === '0' && rule.kind === 'scalar' && rule.type === 'size';
}
