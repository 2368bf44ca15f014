import type { ScalarValue } from './node.ts';

/**
 * What stands in a YAML text, before aliases and merge keys mean anything. Both parsers give it: the quick one for
 * the YAML that compose files are made of, and the library for all of YAML.
 */
export type Syntax = ScalarSyntax | ListSyntax | MapSyntax | AliasSyntax;

interface SyntaxBase {
  readonly offset: number;
  readonly anchor: string | undefined;
  readonly tag: string | undefined;
}

export interface ScalarSyntax extends SyntaxBase {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
  /** `empty`: nothing is written where a value could be. */
  readonly style: 'plain' | 'quoted' | 'empty';
}

export interface ListSyntax extends SyntaxBase {
  readonly kind: 'list';
  readonly flow: boolean;
  readonly items: readonly Syntax[];
}

export interface MapSyntax extends SyntaxBase {
  readonly kind: 'map';
  readonly flow: boolean;
  readonly pairs: readonly PairSyntax[];
}

export interface PairSyntax {
  readonly key: Syntax;
  readonly value: Syntax;
}

export interface AliasSyntax extends SyntaxBase {
  readonly kind: 'alias';
  /** The anchor that it stands for. */
  readonly source: string;
}
