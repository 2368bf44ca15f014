import type { MapNode, Node } from './node.ts';
import type { ScalarType } from './scalar-types.ts';
import type { Path } from './source-file.ts';

/**
 * The grammar of the compose file. A rule says of one attribute everything that the stages of the loader need:
 *
 * | column           | stage                                                                             |
 * |------------------|-----------------------------------------------------------------------------------|
 * | kind, type, keys | what is accepted, and what a scalar becomes                                       |
 * | expand           | short and legacy forms, written out before anything is checked or merged          |
 * | merge, unique    | how the value of a later file joins the earlier one                               |
 * | required, check, defaults | looked at once all files are merged                                      |
 * | path             | how a relative path is completed                                                  |
 * | print            | whether an empty value is printed                                                 |
 */
export type Rule = ScalarRule | ListRule | ObjectRule | DictRule | AnyRule;

interface Columns {
  readonly expand?: Expand | undefined;
  /** `replace`: a later file's value takes the place of the earlier one. */
  readonly merge?: 'replace' | Merge | undefined;
  /** null stands for "nothing said". */
  readonly nullable?: boolean | undefined;
  readonly path?: PathKind | ResolvePaths | undefined;
  readonly check?: Check | undefined;
  /** `keep`: also where empty, 0 or false. `not true`: only where it differs from that default. */
  readonly print?: 'keep' | 'not true' | undefined;
}

export interface ScalarRule extends Columns {
  readonly kind: 'scalar';
  readonly type: ScalarType;
  readonly oneOf?: readonly string[] | undefined;
  readonly pattern?: RegExp | undefined;
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
}

export interface ListRule extends Columns {
  readonly kind: 'list';
  readonly item: Rule;
  /** One item may stand for several: a range of ports. */
  readonly expandItem?: ((item: Node, context: ExpandContext) => readonly Node[]) | undefined;
  /** Printed in alphabetical order. */
  readonly sorted?: boolean | undefined;
  /** Items with the same key are one: the later takes the place of the earlier. */
  readonly unique?: ((item: Node) => string) | undefined;
}

export interface ObjectRule extends Columns {
  readonly kind: 'object';
  readonly keys: Readonly<Record<string, Rule>>;
  readonly required?: readonly string[] | undefined;
  readonly defaults?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Defaults that depend on what else is said. */
  readonly finish?: ((node: MapNode) => MapNode) | undefined;
  /** Where `x-` keys are no extensions. */
  readonly closed?: boolean | undefined;
  /** Keys that the reference implementation prints whatever they hold; JSON only. */
  readonly always?: Readonly<Record<string, null | Readonly<Record<string, never>>>> | undefined;
}

/** Any keys, all values alike. */
export interface DictRule extends Columns {
  readonly kind: 'dict';
  readonly value: Rule;
  readonly key?: RegExp | undefined;
  /** A later null wins over an earlier value: `FOO:` takes FOO from the caller's environment. */
  readonly nullWins?: boolean | undefined;
}

/** Not looked into. */
export interface AnyRule extends Columns {
  readonly kind: 'any';
}

export interface ExpandContext {
  readonly path: Path;
  /** Variables are not filled in: a text that holds one is left as it is. */
  readonly raw: boolean;
  error(at: Node, message: string, hint?: string): void;
  warn(at: Node, message: string): void;
}

export type Expand = (node: Node, context: ExpandContext) => Node;
export type Merge = (base: Node, over: Node, deep: (base: Node, over: Node) => Node) => Node;
export type Check = (node: Node, context: ExpandContext) => void;

/** For what is a path only together with its neighbours. */
export type ResolvePaths = (node: Node, complete: (text: string, kind: PathKind) => string) => Node;

/** `file`: a path. `mount`: a path or a Windows path. `context`: a path or a URL of the builder. */
export type PathKind = 'file' | 'mount' | 'context';

type Extra<R extends Rule> = Partial<Omit<R, 'kind'>>;

export function scalarOf(type: ScalarType, extra: Extra<ScalarRule> = {}): ScalarRule {
  return { kind: 'scalar', type, ...extra };
}

export const string: ScalarRule = scalarOf('string');
export const text: ScalarRule = scalarOf('text');
export const integer: ScalarRule = scalarOf('integer');
export const number: ScalarRule = scalarOf('number');
export const boolean: ScalarRule = scalarOf('boolean');
export const size: ScalarRule = scalarOf('size');
export const duration: ScalarRule = scalarOf('duration', { print: 'keep' });
export const any: AnyRule = { kind: 'any', print: 'keep' };

/** The same rule with other columns. */
export function having<R extends Rule>(rule: R, extra: Extra<R>): R {
  return { ...rule, ...extra };
}

export function listOf(item: Rule, extra: Extra<ListRule> = {}): ListRule {
  return { kind: 'list', item, ...extra };
}

export function objectOf(keys: Readonly<Record<string, Rule>>, extra: Extra<ObjectRule> = {}): ObjectRule {
  return { kind: 'object', keys, ...extra };
}

export function dictOf(value: Rule, extra: Extra<DictRule> = {}): DictRule {
  return { kind: 'dict', value, ...extra };
}

/** The text by which two equal scalars are one item. */
export function sameValue(item: Node): string {
  return item.kind === 'scalar' ? String(item.value) : '';
}

/** A list whose equal items are one. */
export function setOf(item: Rule, extra: Extra<ListRule> = {}): ListRule {
  return listOf(item, { unique: sameValue, ...extra });
}
