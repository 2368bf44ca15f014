import type { Primitive } from '../definition.ts';
import { alignTo, type CallContext, type Codec, type FlatType } from './codec.ts';
import { AbiError } from './handles.ts';
import { SCALARS } from './scalars.ts';
import { bytesAt, put } from './strings.ts';
import type { ResourceType, ValueType } from './value-type.ts';
import { variantCodec } from './variants.ts';

const made = new WeakMap<ValueType, Codec>();

/** The codec of a type; made once. */
export function codecOf(type: ValueType): Codec {
  const known = made.get(type);
  if (known !== undefined) return known;
  const codec = make(type);
  made.set(type, codec);
  return codec;
}

function make(type: ValueType): Codec {
  if (isScalar(type)) return SCALARS[type.kind];
  switch (type.kind) {
    case 'list':
      return type.element.kind === 'u8' ? BYTES : listCodec(codecOf(type.element));
    case 'record':
      return recordCodec(type.fields);
    case 'tuple':
      return tupleCodec(type.elements.map(codecOf));
    case 'flags':
      return flagsCodec(type.labels.length);
    case 'own':
    case 'borrow':
      return type.kind === 'own' ? ownCodec(type.resource) : borrowCodec(type.resource);
    case 'variant':
    case 'enum':
    case 'option':
    case 'result':
      return makeVariant(type);
  }
}

function isScalar(type: ValueType): type is { readonly kind: Primitive } {
  return type.kind in SCALARS;
}

function makeVariant(type: Extract<ValueType, { kind: 'variant' | 'option' | 'result' | 'enum' }>): Codec {
  switch (type.kind) {
    case 'variant':
      return variantCodec(type.cases.map((one) => ({ name: one.name, codec: maybeCodec(one.type) })));
    case 'option':
      return optionCodec(type.value);
    case 'result':
      return variantCodec([
        { name: 'ok', codec: maybeCodec(type.ok) },
        { name: 'err', codec: maybeCodec(type.error) },
      ]);
    case 'enum':
      return variantCodec(
        type.labels.map((name) => ({ name, codec: undefined })),
        ENUM,
      );
  }
}

function maybeCodec(type: ValueType | undefined): Codec | undefined {
  return type === undefined ? undefined : codecOf(type);
}

function ownCodec(resource: ResourceType): Codec {
  return handleCodec({
    lift: (cx, index) => cx.handles.take(index, resource),
    lower: (cx, rep) => cx.handles.add(resource, rep, true),
  });
}

function borrowCodec(resource: ResourceType): Codec {
  return handleCodec({
    lift: (cx, index) => cx.handles.rep(index, resource),
    // Its maker knows it by what it stands for.
    lower: (cx, rep) => (resource.owner === cx.handles.owner ? (rep as number) : cx.handles.add(resource, rep, false)),
  });
}

interface HandleConversion {
  lift(cx: CallContext, index: number): unknown;
  lower(cx: CallContext, rep: unknown): number;
}

function handleCodec(how: HandleConversion): Codec {
  return {
    size: 4,
    align: 4,
    flat: ['i32'],
    load: (cx, at) => how.lift(cx, cx.memory.view.getUint32(at, true)),
    store: (cx, at, value) => cx.memory.view.setUint32(at, how.lower(cx, value), true),
    lift: (cx, flat, at) => how.lift(cx, (flat[at] as number) >>> 0),
    lower: (cx, value, flat) => void flat.push(how.lower(cx, value)),
  };
}

const BYTES: Codec = sequence({
  load: (cx, pointer, length) => Uint8Array.prototype.slice.call(bytesAt(cx, pointer, length)),
  store: (cx, value) => [put(cx, value as Uint8Array, 1), (value as Uint8Array).length],
});

function listCodec(element: Codec): Codec {
  return sequence({
    load: (cx, pointer, length) => {
      if (pointer % element.align !== 0) throw new AbiError('a list is not aligned');
      if (!cx.memory.holds(pointer, length * element.size)) throw new AbiError('a list is outside of its memory');
      return Array.from({ length }, (_, i) => element.load(cx, pointer + i * element.size));
    },
    store: (cx, value) => {
      const list = value as readonly unknown[];
      if (list.length === 0) return [element.align, 0];
      const pointer = cx.allocate(list.length * element.size, element.align);
      for (const [i, item] of list.entries()) element.store(cx, pointer + i * element.size, item);
      return [pointer, list.length];
    },
  });
}

interface SequenceConversion {
  load(cx: CallContext, pointer: number, length: number): unknown;
  store(cx: CallContext, value: unknown): readonly [pointer: number, length: number];
}

/** | u32: address | u32: length | */
function sequence(how: SequenceConversion): Codec {
  return {
    size: 8,
    align: 4,
    flat: ['i32', 'i32'],
    load: (cx, at) => how.load(cx, cx.memory.view.getUint32(at, true), cx.memory.view.getUint32(at + 4, true)),
    store: (cx, at, value) => {
      const [pointer, length] = how.store(cx, value);
      cx.memory.view.setUint32(at, pointer, true);
      cx.memory.view.setUint32(at + 4, length, true);
    },
    lift: (cx, flat, at) => how.load(cx, (flat[at] as number) >>> 0, (flat[at + 1] as number) >>> 0),
    lower: (cx, value, flat) => {
      const [pointer, length] = how.store(cx, value);
      flat.push(pointer, length);
    },
  };
}

function recordCodec(fields: readonly (readonly [name: string, type: ValueType])[]): Codec {
  const keys = fields.map(([name]) => camelCase(name));
  const tuple = tupleCodec(fields.map(([, type]) => codecOf(type)));
  const toObject = (values: unknown): unknown =>
    Object.fromEntries(keys.map((key, i) => [key, (values as readonly unknown[])[i]]));
  const toList = (value: unknown): unknown => keys.map((key) => (value as Readonly<Record<string, unknown>>)[key]);
  return {
    ...tuple,
    load: (cx, at) => toObject(tuple.load(cx, at)),
    store: (cx, at, value) => tuple.store(cx, at, toList(value)),
    lift: (cx, flat, at) => toObject(tuple.lift(cx, flat, at)),
    lower: (cx, value, flat) => tuple.lower(cx, toList(value), flat),
  };
}

/** `status-code` -> `statusCode` */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The elements one after the other, each aligned. Parameters are laid out so, too. */
export function tupleCodec(elements: readonly Codec[]): Codec {
  const offsets: number[] = [];
  const flatAt: number[] = [];
  const flat: FlatType[] = [];
  let size = 0;
  let align = 1;
  for (const element of elements) {
    size = alignTo(size, element.align);
    offsets.push(size);
    flatAt.push(flat.length);
    flat.push(...element.flat);
    size += element.size;
    align = Math.max(align, element.align);
  }
  return {
    size: alignTo(size, align),
    align,
    flat,
    load: (cx, at) => elements.map((element, i) => element.load(cx, at + (offsets[i] ?? 0))),
    store: (cx, at, value) => {
      const values = value as readonly unknown[];
      for (let i = 0; i < elements.length; i++) elements[i]?.store(cx, at + (offsets[i] ?? 0), values[i]);
    },
    lift: (cx, values, at) => elements.map((element, i) => element.lift(cx, values, at + (flatAt[i] ?? 0))),
    lower: (cx, value, values) => {
      const list = value as readonly unknown[];
      for (let i = 0; i < elements.length; i++) elements[i]?.lower(cx, list[i], values);
    },
  };
}

function optionCodec(type: ValueType): Codec {
  const cases = [
    { name: 'none', codec: undefined },
    { name: 'some', codec: codecOf(type) },
  ];
  // An option of an option has a value that is undefined itself.
  const isNested = type.kind === 'option';
  return variantCodec(cases, {
    index: (value) => (value === undefined ? 0 : 1),
    value: (value) => (isNested ? (value as { readonly val: unknown }).val : value),
    make: (index, value) => (index === 0 ? undefined : isNested ? { val: value } : value),
  });
}

const ENUM = {
  index: (value: unknown, names: ReadonlyMap<string, number>): number | undefined => names.get(value as string),
  value: (): undefined => undefined,
  make: (_index: number, _value: unknown, name: string): unknown => name,
};

function flagsCodec(count: number): Codec {
  if (count > 32) throw new AbiError(`flags of ${count} bits are not supported`);
  return SCALARS[count <= 8 ? 'u8' : count <= 16 ? 'u16' : 'u32'];
}
