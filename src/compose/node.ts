import type { Position } from './source-file.ts';

/**
 * A value of a compose file together with where it stands. Nodes are never changed, so that an anchor's node may
 * appear in many places; every stage of the loader makes new ones and keeps the position.
 */
export type Node = ScalarNode | ListNode | MapNode;

export type ScalarValue = string | number | boolean | null;

/** What a later file asks for: `!reset` removes the value of the files before, `!override` replaces instead of merging. */
export type MergeTag = 'reset' | 'override';

interface NodeBase {
  readonly at: Position;
  readonly tag?: MergeTag | undefined;
  /** An anchor's: aliases may put the same node in many places, so a walk does well to remember what it made of it. */
  readonly shared?: true | undefined;
}

export interface ScalarNode extends NodeBase {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
}

export interface ListNode extends NodeBase {
  readonly kind: 'list';
  readonly items: readonly Node[];
}

export interface MapNode extends NodeBase {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  readonly keyAt: Position;
  readonly value: Node;
}

export type Json = ScalarValue | readonly Json[] | { readonly [key: string]: Json };

export function scalar(value: ScalarValue, at: Position): ScalarNode {
  return { kind: 'scalar', value, at };
}

export function list(items: readonly Node[], at: Position): ListNode {
  return { kind: 'list', items, at };
}

/** A map whose keys stand where the map stands: what a short form was written out to. */
export function map(values: Readonly<Record<string, Node | undefined>>, at: Position): MapNode {
  const entries = new Map<string, Entry>();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) entries.set(key, { keyAt: at, value });
  return { kind: 'map', entries, at };
}

/** The node with these keys added or replaced; undefined removes. Itself where nothing changes. */
export function withKeys(node: MapNode, values: Readonly<Record<string, Node | undefined>>): MapNode {
  let entries: Map<string, Entry> | undefined;
  for (const key of Object.keys(values)) {
    const value = values[key];
    const present = node.entries.get(key);
    if (value === present?.value) continue;
    entries ??= new Map(node.entries);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { keyAt: present?.keyAt ?? value.at, value });
  }
  return entries === undefined ? node : { ...node, entries };
}

/** The map with its values changed; undefined leaves the key out. Itself where nothing changes. */
export function mapValues(
  node: MapNode,
  change: (value: Node, key: string, entry: Entry) => Node | undefined,
): MapNode {
  let entries: Map<string, Entry> | undefined;
  let index = 0;
  // `forEach` makes no pair for every entry; all stages of the loader come through here.
  // oxlint-disable-next-line unicorn/no-array-for-each
  node.entries.forEach((entry, key) => {
    const value = change(entry.value, key, entry);
    if (value !== entry.value) entries ??= firstEntries(node.entries, index);
    if (value !== undefined) entries?.set(key, value === entry.value ? entry : { keyAt: entry.keyAt, value });
    index++;
  });
  return entries === undefined ? node : { ...node, entries };
}

function firstEntries(entries: ReadonlyMap<string, Entry>, count: number): Map<string, Entry> {
  const first = new Map<string, Entry>();
  for (const [key, entry] of entries) {
    if (first.size === count) break;
    first.set(key, entry);
  }
  return first;
}

/** The list with its items changed; itself where nothing changes. */
export function mapItems(node: ListNode, change: (item: Node, index: number) => Node): ListNode {
  let changed = false;
  const items = node.items.map((item, index) => {
    const result = change(item, index);
    if (result !== item) changed = true;
    return result;
  });
  return changed ? { ...node, items } : node;
}

export function isNull(node: Node | undefined): boolean {
  return node?.kind === 'scalar' && node.value === null;
}

/** The value of a key, also where the node is no map at all. */
export function child(node: Node | undefined, ...keys: readonly string[]): Node | undefined {
  let found = node;
  for (const key of keys) found = found?.kind === 'map' ? found.entries.get(key)?.value : undefined;
  return found;
}

/** Names and values of a map; none where the node is something else. */
export function entriesOf(node: Node | undefined): readonly (readonly [string, Node])[] {
  return node?.kind === 'map' ? [...node.entries].map(([key, entry]) => [key, entry.value] as const) : [];
}

export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.kind === 'list' ? node.items : [];
}

/** The text of a scalar; undefined for everything else. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

export function numberOf(node: Node | undefined): number | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
}

export function isTrue(node: Node | undefined): boolean {
  return node?.kind === 'scalar' && node.value === true;
}

/** Plain data. `fromEntries` defines keys and so leaves `__proto__` a key like any other. */
export function toJson(node: Node): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toJson);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toJson(entry.value)]));
  }
}

export function fromJson(value: unknown, at: Position): Node {
  if (Array.isArray(value)) {
    return list(
      value.map((item) => fromJson(item, at)),
      at,
    );
  }
  if (typeof value === 'object' && value !== null) {
    return map(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromJson(inner, at)])), at);
  }
  return scalar(value as ScalarValue, at);
}
