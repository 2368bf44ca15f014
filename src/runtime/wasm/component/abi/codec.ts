import type { GuestMemory } from '../../wasi/guest-memory.ts';
import type { Handles } from './handles.ts';

/** What a call may use of the instance it goes to or comes from. */
export interface CallContext {
  readonly memory: GuestMemory;
  /** Memory of the guest for what it is given. */
  allocate(size: number, align: number): number;
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  readonly handles: Handles;
}

export type FlatType = 'i32' | 'i64' | 'f32' | 'f64';

/**
 * How values of one type are laid out (https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md):
 * in memory, and flat, as parameters and results of a core function. Made once for every type, used for every call.
 */
export interface Codec {
  readonly size: number;
  readonly align: number;
  readonly flat: readonly FlatType[];
  load(cx: CallContext, at: number): unknown;
  store(cx: CallContext, at: number, value: unknown): void;
  /** `at` is where the type's first flat value is. */
  lift(cx: CallContext, flat: readonly unknown[], at: number): unknown;
  /** Appends as many values as `flat` has. */
  lower(cx: CallContext, value: unknown, flat: unknown[]): void;
}

export function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
