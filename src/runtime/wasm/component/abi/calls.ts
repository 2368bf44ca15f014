import { type CallContext, type Codec } from './codec.ts';
import { codecOf, tupleCodec } from './compound.ts';
import { contextOf, type ContextSlots, type CoreFunction } from './context.ts';
import { AbiError } from './handles.ts';
import type { Parts, Slot } from './parts.ts';
import type { FunctionType } from './value-type.ts';

/** More flat parameters than this are passed in memory; more than one result, too. */
const FLAT_PARAMS = 16;

/** A function of the component model, the same for all instances of a component. */
export interface ComponentFunction {
  readonly type: FunctionType;
  /** Whether it may return a promise. */
  readonly blocks: boolean;
  /** As JavaScript calls it in one instance. */
  bind(parts: Parts): BoundFunction;
}

export type BoundFunction = (args: readonly unknown[]) => unknown;

/**
 * Makes the core functions that instances import: such a one takes its parameters, calls, gives the guest the result.
 * Codecs are made when one of them is first called: a program calls few of the functions that it imports.
 */
export function lowerFunction(callee: ComponentFunction, slots: ContextSlots): (parts: Parts) => unknown {
  let adapter: Adapter | undefined;
  return (parts) => {
    let cx: CallContext | undefined;
    let call: BoundFunction | undefined;
    const lowered: CoreFunction = (...flat) => {
      adapter ??= createAdapter(callee.type);
      cx ??= contextOf(parts, slots);
      call ??= callee.bind(parts);
      return adapter(cx, call, flat);
    };
    return callee.blocks ? new WebAssembly.Suspending(lowered) : lowered;
  };
}

type Adapter = (cx: CallContext, call: BoundFunction, flat: readonly unknown[]) => unknown;

function createAdapter(type: FunctionType): Adapter {
  const params = tupleCodec(type.params.map(codecOf));
  const result = type.result === undefined ? undefined : codecOf(type.result);
  const isSpilled = params.flat.length > FLAT_PARAMS;
  const isResultInMemory = result !== undefined && result.flat.length > 1;
  const pointerAt = isSpilled ? 1 : params.flat.length;
  const finish = (cx: CallContext, value: unknown, flat: readonly unknown[]): unknown => {
    if (result === undefined) return undefined;
    if (isResultInMemory) {
      result.store(cx, checkPointer(cx, result, flat[pointerAt]), value);
      return undefined;
    }
    const values: unknown[] = [];
    result.lower(cx, value, values);
    return values[0];
  };
  return (cx, call, flat) => {
    const args = isSpilled ? params.load(cx, checkPointer(cx, params, flat[0])) : params.lift(cx, flat, 0);
    const value = call(args as readonly unknown[]);
    return value instanceof Promise ? value.then((settled) => finish(cx, settled, flat)) : finish(cx, value, flat);
  };
}

export interface LiftedFunction {
  readonly core: Slot;
  readonly postReturn: Slot | undefined;
  readonly type: FunctionType;
}

/** A function that a guest exports. It always runs on a stack of its own, where it may be suspended. */
export function liftFunction({ core, postReturn, type }: LiftedFunction, slots: ContextSlots): ComponentFunction {
  const params = tupleCodec(type.params.map(codecOf));
  const result = type.result === undefined ? undefined : codecOf(type.result);
  const finish = (cx: CallContext, returned: unknown): unknown => {
    if (result === undefined) return undefined;
    return result.flat.length > 1
      ? result.load(cx, checkPointer(cx, result, returned))
      : result.lift(cx, [returned], 0);
  };
  const bind = (parts: Parts): BoundFunction => {
    const cx = contextOf(parts, slots);
    const promising = WebAssembly.promising(parts.slots[core]);
    const after = postReturn === undefined ? undefined : (parts.slots[postReturn] as CoreFunction);
    return async (args) => {
      const flat: unknown[] = [];
      if (params.flat.length > FLAT_PARAMS) {
        const pointer = cx.allocate(params.size, params.align);
        params.store(cx, pointer, args);
        flat.push(pointer);
      } else params.lower(cx, args, flat);
      const returned = await promising(...flat);
      const value = finish(cx, returned);
      if (result === undefined) after?.();
      else after?.(returned);
      return value;
    };
  };
  return { type, blocks: true, bind };
}

function checkPointer(cx: CallContext, codec: Codec, value: unknown): number {
  const pointer = (value as number) >>> 0;
  if (pointer % codec.align !== 0 || !cx.memory.holds(pointer, codec.size)) {
    throw new AbiError('a pointer is not aligned or leaves its memory');
  }
  return pointer;
}
