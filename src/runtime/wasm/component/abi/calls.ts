import { GuestMemory } from '../../wasi/guest-memory.ts';
import { alignTo, type CallContext, type Codec } from './codec.ts';
import { codecOf, tupleCodec } from './compound.ts';
import { AbiError, type Handles } from './handles.ts';
import type { FunctionType } from './value-type.ts';

/** More flat parameters than this are passed in memory; more than one result, too. */
const FLAT_PARAMS = 16;

/** A function of the component model, as JavaScript calls it. */
export interface ComponentFunction {
  readonly type: FunctionType;
  /** Whether it may return a promise. */
  readonly blocks: boolean;
  call(args: readonly unknown[]): unknown;
}

/** What of an instance a function that it exports or imports uses. Read when it is called: it may not exist before. */
export interface CallOptions {
  readonly encoding: CallContext['encoding'];
  readonly memory: () => WebAssembly.Memory | undefined;
  readonly realloc: () => CoreFunction | undefined;
  readonly postReturn: () => CoreFunction | undefined;
  readonly handles: Handles;
}

export type CoreFunction = (...args: unknown[]) => unknown;

/**
 * The core function that a guest imports: takes its parameters, calls, gives it the result. Made when it is first
 * called: a program calls few of the functions that it imports.
 */
export function lowerFunction(callee: ComponentFunction, options: CallOptions): CoreFunction {
  let made: CoreFunction | undefined;
  return (...flat) => (made ??= makeLowered(callee, options))(...flat);
}

function makeLowered(callee: ComponentFunction, options: CallOptions): CoreFunction {
  const params = tupleCodec(callee.type.params.map(codecOf));
  const result = callee.type.result === undefined ? undefined : codecOf(callee.type.result);
  const isSpilled = params.flat.length > FLAT_PARAMS;
  const isResultInMemory = result !== undefined && result.flat.length > 1;
  const pointerAt = isSpilled ? 1 : params.flat.length;
  const context = contextMaker(options);
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
  return (...flat) => {
    const cx = context();
    const args = isSpilled ? params.load(cx, checkPointer(cx, params, flat[0])) : params.lift(cx, flat, 0);
    const value = callee.call(args as readonly unknown[]);
    return value instanceof Promise ? value.then((settled) => finish(cx, settled, flat)) : finish(cx, value, flat);
  };
}

/** A function that a guest exports. It always runs on a stack of its own, where it may be suspended. */
export function liftFunction(core: () => CoreFunction, type: FunctionType, options: CallOptions): ComponentFunction {
  const params = tupleCodec(type.params.map(codecOf));
  const result = type.result === undefined ? undefined : codecOf(type.result);
  const context = contextMaker(options);
  let promising: ((...args: unknown[]) => Promise<unknown>) | undefined;
  const call = async (args: readonly unknown[]): Promise<unknown> => {
    const cx = context();
    const flat: unknown[] = [];
    if (params.flat.length > FLAT_PARAMS) {
      const pointer = cx.allocate(params.size, params.align);
      params.store(cx, pointer, args);
      flat.push(pointer);
    } else params.lower(cx, args, flat);
    promising ??= WebAssembly.promising(core());
    const returned = await promising(...flat);
    if (result === undefined) {
      options.postReturn()?.();
      return undefined;
    }
    const value =
      result.flat.length > 1 ? result.load(cx, checkPointer(cx, result, returned)) : result.lift(cx, [returned], 0);
    options.postReturn()?.(returned);
    return value;
  };
  return { type, blocks: true, call };
}

function contextMaker(options: CallOptions): () => CallContext {
  let made: CallContext | undefined;
  return () => (made ??= new Context(options));
}

class Context implements CallContext {
  readonly memory = new GuestMemory();
  readonly encoding: CallContext['encoding'];
  readonly handles: Handles;
  readonly #realloc: CoreFunction | undefined;

  constructor(options: CallOptions) {
    const memory = options.memory();
    if (memory !== undefined) this.memory.bind(memory);
    this.encoding = options.encoding;
    this.handles = options.handles;
    this.#realloc = options.realloc();
  }

  allocate(size: number, align: number): number {
    if (this.#realloc === undefined) throw new AbiError('it takes a list and says not where to put it');
    const pointer = (this.#realloc(0, 0, align, size) as number) >>> 0;
    if (alignTo(pointer, align) !== pointer || !this.memory.holds(pointer, size)) {
      throw new AbiError('its cabi_realloc returned memory that it does not have');
    }
    return pointer;
  }
}

function checkPointer(cx: CallContext, codec: Codec, value: unknown): number {
  const pointer = (value as number) >>> 0;
  if (pointer % codec.align !== 0 || !cx.memory.holds(pointer, codec.size)) {
    throw new AbiError('a pointer is not aligned or leaves its memory');
  }
  return pointer;
}
