import type { Primitive } from '../definition.ts';
import type { Parts } from './parts.ts';

/**
 * A type of the component model with all names resolved. As JavaScript has them:
 *
 *     bool, char, string      boolean, string      u8 … s32, f32, f64   number      u64, s64   bigint
 *     list<u8>                Uint8Array, a copy   other lists, tuples  arrays
 *     record                  an object with camelCase keys
 *     variant                 { tag, val }         enum                 the label    flags    a number, a bit each
 *     option                  undefined or the value; { val } where the value may be undefined itself
 *     result                  { tag: 'ok' | 'err', val }
 *     own, borrow             what its owner knows it by: an object of the host, a number of a guest
 */
export type ValueType =
  | { readonly kind: Primitive }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'record'; readonly fields: readonly (readonly [name: string, type: ValueType])[] }
  | { readonly kind: 'tuple'; readonly elements: readonly ValueType[] }
  | { readonly kind: 'variant'; readonly cases: readonly Case[] }
  | { readonly kind: 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'flags'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly value: ValueType }
  | { readonly kind: 'result'; readonly ok: ValueType | undefined; readonly error: ValueType | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: ResourceType };

export interface Case {
  readonly name: string;
  readonly type: ValueType | undefined;
}

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly result: ValueType | undefined;
}

/** One kind of resource. Two are the same when they are the same object. */
export interface ResourceType {
  readonly name: string;
  /** The component within the instance that made it; undefined for the host's. */
  readonly owner: number | undefined;
  /** Nobody has it any more. */
  drop(rep: unknown, parts: Parts): void;
}
