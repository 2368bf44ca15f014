import type { Primitive } from '../definition.ts';
import type { Codec, FlatType } from './codec.ts';
import { AbiError } from './handles.ts';
import { loadString, storeString } from './strings.ts';

/** Codecs of the types that have no parts. */
export const SCALARS: Readonly<Record<Primitive, Codec>> = {
  bool: scalar(1, 'i32', {
    get: (view, at) => view.getUint8(at) !== 0,
    set: (view, at, value) => view.setUint8(at, value === true ? 1 : 0),
    fromFlat: (flat) => flat !== 0,
    toFlat: (value) => (value === true ? 1 : 0),
  }),
  u8: integer(1, (value) => (value as number) & 0xff, {
    get: (view, at) => view.getUint8(at),
    set: (view, at, value) => view.setUint8(at, value as number),
  }),
  s8: integer(1, (value) => ((value as number) << 24) >> 24, {
    get: (view, at) => view.getInt8(at),
    set: (view, at, value) => view.setInt8(at, value as number),
  }),
  u16: integer(2, (value) => (value as number) & 0xffff, {
    get: (view, at) => view.getUint16(at, true),
    set: (view, at, value) => view.setUint16(at, value as number, true),
  }),
  s16: integer(2, (value) => ((value as number) << 16) >> 16, {
    get: (view, at) => view.getInt16(at, true),
    set: (view, at, value) => view.setInt16(at, value as number, true),
  }),
  u32: integer(4, (value) => (value as number) >>> 0, {
    get: (view, at) => view.getUint32(at, true),
    set: (view, at, value) => view.setUint32(at, value as number, true),
  }),
  s32: integer(4, (value) => (value as number) | 0, {
    get: (view, at) => view.getInt32(at, true),
    set: (view, at, value) => view.setInt32(at, value as number, true),
  }),
  u64: scalar(8, 'i64', {
    get: (view, at) => view.getBigUint64(at, true),
    set: (view, at, value) => view.setBigUint64(at, value as bigint, true),
    fromFlat: (flat) => BigInt.asUintN(64, flat as bigint),
    toFlat: (value) => value,
  }),
  s64: scalar(8, 'i64', {
    get: (view, at) => view.getBigInt64(at, true),
    set: (view, at, value) => view.setBigInt64(at, value as bigint, true),
    fromFlat: (flat) => BigInt.asIntN(64, flat as bigint),
    toFlat: (value) => value,
  }),
  f32: scalar(4, 'f32', {
    get: (view, at) => view.getFloat32(at, true),
    set: (view, at, value) => view.setFloat32(at, value as number, true),
    fromFlat: (flat) => flat,
    toFlat: (value) => value,
  }),
  f64: scalar(8, 'f64', {
    get: (view, at) => view.getFloat64(at, true),
    set: (view, at, value) => view.setFloat64(at, value as number, true),
    fromFlat: (flat) => flat,
    toFlat: (value) => value,
  }),
  char: scalar(4, 'i32', {
    get: (view, at) => toChar(view.getUint32(at, true)),
    set: (view, at, value) => view.setUint32(at, (value as string).codePointAt(0) ?? 0, true),
    fromFlat: (flat) => toChar((flat as number) >>> 0),
    toFlat: (value) => (value as string).codePointAt(0) ?? 0,
  }),
  string: {
    size: 8,
    align: 4,
    flat: ['i32', 'i32'],
    load: (cx, at) => loadString(cx, cx.memory.view.getUint32(at, true), cx.memory.view.getUint32(at + 4, true)),
    store: (cx, at, value) => {
      const [pointer, length] = storeString(cx, value as string);
      cx.memory.view.setUint32(at, pointer, true);
      cx.memory.view.setUint32(at + 4, length, true);
    },
    lift: (cx, flat, at) => loadString(cx, (flat[at] as number) >>> 0, (flat[at + 1] as number) >>> 0),
    lower: (cx, value, flat) => {
      flat.push(...storeString(cx, value as string));
    },
  },
};

interface InMemory {
  get(view: DataView, at: number): unknown;
  set(view: DataView, at: number, value: unknown): void;
}

interface Scalar extends InMemory {
  fromFlat(flat: unknown): unknown;
  toFlat(value: unknown): unknown;
}

function scalar(size: number, flat: FlatType, how: Scalar): Codec {
  return {
    size,
    align: size,
    flat: [flat],
    load: (cx, at) => how.get(cx.memory.view, at),
    store: (cx, at, value) => how.set(cx.memory.view, at, value),
    lift: (_cx, values, at) => how.fromFlat(values[at]),
    lower: (_cx, value, values) => void values.push(how.toFlat(value)),
  };
}

function integer(size: number, wrap: (value: unknown) => number, how: InMemory): Codec {
  return scalar(size, 'i32', { ...how, fromFlat: wrap, toFlat: (value) => value });
}

function toChar(code: number): string {
  if (code >= 0x11_0000 || (code >= 0xd800 && code < 0xe000)) throw new AbiError(`${code} is no character`);
  return String.fromCodePoint(code);
}
