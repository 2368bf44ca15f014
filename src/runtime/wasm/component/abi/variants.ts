import { alignTo, type CallContext, type Codec, type FlatType } from './codec.ts';
import { AbiError } from './handles.ts';
import { SCALARS } from './scalars.ts';

export interface CodecCase {
  readonly name: string;
  readonly codec: Codec | undefined;
}

/** How a variant looks in JavaScript. */
export interface VariantForm {
  /** Undefined: there is no such case. */
  index(value: unknown, names: ReadonlyMap<string, number>): number | undefined;
  value(value: unknown): unknown;
  make(index: number, value: unknown, name: string): unknown;
}

const TAGGED: VariantForm = {
  index: (value, names) => names.get((value as { readonly tag: string }).tag),
  value: (value) => (value as { readonly val?: unknown }).val,
  make: (_index, val, tag) => ({ tag, val }),
};

/** | discriminant | the value of that case, aligned for the largest | */
export function variantCodec(cases: readonly CodecCase[], form: VariantForm = TAGGED): Codec {
  const tag = SCALARS[cases.length <= 256 ? 'u8' : cases.length <= 65_536 ? 'u16' : 'u32'];
  const align = Math.max(tag.align, ...cases.map(({ codec }) => codec?.align ?? 1));
  const valueAt = alignTo(tag.size, Math.max(1, ...cases.map(({ codec }) => codec?.align ?? 1)));
  const size = alignTo(valueAt + Math.max(0, ...cases.map(({ codec }) => codec?.size ?? 0)), align);
  const flat = joinFlat(cases);
  const names = new Map(cases.map(({ name }, index) => [name, index]));
  const caseAt = (index: number): CodecCase => {
    const found = cases[index];
    if (found === undefined) throw new AbiError(`a variant has no case ${index}`);
    return found;
  };
  const indexOf = (value: unknown): number => {
    const index = form.index(value, names);
    if (index === undefined) throw new TypeError(`a variant has no case for ${JSON.stringify(value)}`);
    return index;
  };
  return {
    size,
    align,
    flat,
    load: (cx, at) => {
      const index = tag.load(cx, at) as number;
      const { name, codec } = caseAt(index);
      return form.make(index, codec?.load(cx, at + valueAt), name);
    },
    store: (cx, at, value) => {
      const index = indexOf(value);
      tag.store(cx, at, index);
      cases[index]?.codec?.store(cx, at + valueAt, form.value(value));
    },
    lift: (cx, values, at) => {
      const index = (values[at] as number) >>> 0;
      const { name, codec } = caseAt(index);
      return form.make(index, codec === undefined ? undefined : liftCase(cx, codec, flat, values, at + 1), name);
    },
    lower: (cx, value, values) => {
      const index = indexOf(value);
      const end = values.length + flat.length;
      values.push(index);
      const codec = cases[index]?.codec;
      if (codec !== undefined) lowerCase(cx, codec, form.value(value), flat, values);
      while (values.length < end) values.push(zero(flat[flat.length - (end - values.length)] ?? 'i32'));
    },
  };
}

/** The cases share their places: a place is as wide as the widest value in it. */
function joinFlat(cases: readonly CodecCase[]): readonly FlatType[] {
  const joined: FlatType[] = [];
  for (const { codec } of cases) {
    for (const [i, type] of (codec?.flat ?? []).entries()) {
      const there = joined[i];
      joined[i] = there === undefined || there === type ? type : isNarrow(there) && isNarrow(type) ? 'i32' : 'i64';
    }
  }
  return ['i32', ...joined];
}

function isNarrow(type: FlatType): boolean {
  return type === 'i32' || type === 'f32';
}

function liftCase(
  cx: CallContext,
  codec: Codec,
  joined: readonly FlatType[],
  values: readonly unknown[],
  at: number,
): unknown {
  const own: unknown[] = [];
  for (const [i, type] of codec.flat.entries()) own.push(narrow(values[at + i], joined[i + 1] ?? type, type));
  return codec.lift(cx, own, 0);
}

function lowerCase(
  cx: CallContext,
  codec: Codec,
  value: unknown,
  joined: readonly FlatType[],
  values: unknown[],
): void {
  const own: unknown[] = [];
  codec.lower(cx, value, own);
  for (const [i, type] of codec.flat.entries()) values.push(widen(own[i], type, joined[i + 1] ?? type));
}

const scratch = new DataView(new ArrayBuffer(8));

function narrow(value: unknown, from: FlatType, to: FlatType): unknown {
  if (from === to) return value;
  if (from === 'i32') scratch.setInt32(0, value as number, true);
  else scratch.setBigInt64(0, value as bigint, true);
  if (to === 'i32') return scratch.getInt32(0, true);
  return to === 'f32' ? scratch.getFloat32(0, true) : scratch.getFloat64(0, true);
}

function widen(value: unknown, from: FlatType, to: FlatType): unknown {
  if (from === to) return value;
  scratch.setBigInt64(0, 0n, true);
  if (from === 'i32') scratch.setInt32(0, value as number, true);
  else if (from === 'f32') scratch.setFloat32(0, value as number, true);
  else scratch.setFloat64(0, value as number, true);
  return to === 'i32' ? scratch.getInt32(0, true) : scratch.getBigInt64(0, true);
}

function zero(type: FlatType): unknown {
  return type === 'i64' ? 0n : 0;
}
