import { BinaryFormatError, type BinaryReader } from '../binary-reader.ts';
import type {
  Declaration,
  ExternDescriptor,
  NamedReference,
  Primitive,
  Sort,
  TypeDefinition,
  TypeReference,
} from './definition.ts';
import { UnsupportedComponentError } from './unsupported.ts';

const PRIMITIVES: Readonly<Record<number, Primitive>> = {
  0x7f: 'bool',
  0x7e: 's8',
  0x7d: 'u8',
  0x7c: 's16',
  0x7b: 'u16',
  0x7a: 's32',
  0x79: 'u32',
  0x78: 's64',
  0x77: 'u64',
  0x76: 'f32',
  0x75: 'f64',
  0x74: 'char',
  0x73: 'string',
};

/** Reads one definition of a type. */
export function readType(reader: BinaryReader): TypeDefinition {
  const code = reader.byte();
  const primitive = PRIMITIVES[code];
  if (primitive !== undefined) return { kind: 'primitive', primitive };
  const read = TYPES[code];
  if (read === undefined) throw new BinaryFormatError(`unknown type 0x${code.toString(16)} at byte ${reader.at}`);
  return read(reader);
}

const TYPES: Readonly<Record<number, (reader: BinaryReader) => TypeDefinition>> = {
  0x72: (reader) => ({ kind: 'record', fields: readEach(reader, readField) }),
  0x71: (reader) => ({ kind: 'variant', cases: readEach(reader, readCase) }),
  0x70: (reader) => ({ kind: 'list', element: readReference(reader) }),
  0x6f: (reader) => ({ kind: 'tuple', elements: readEach(reader, readReference) }),
  0x6e: (reader) => ({ kind: 'flags', labels: readEach(reader, (row) => row.name()) }),
  0x6d: (reader) => ({ kind: 'enum', labels: readEach(reader, (row) => row.name()) }),
  0x6b: (reader) => ({ kind: 'option', value: readReference(reader) }),
  0x6a: (reader) => ({ kind: 'result', ok: readOptional(reader), error: readOptional(reader) }),
  0x69: (reader) => ({ kind: 'own', resource: reader.unsigned() }),
  0x68: (reader) => ({ kind: 'borrow', resource: reader.unsigned() }),
  0x40: readFunction,
  0x41: readComponentType,
  0x42: (reader) => ({ kind: 'instance', declarations: readEach(reader, readDeclaration) }),
  0x3f: readResource,
  0x67: refuse('lists of a fixed length'),
  0x66: refuse('streams (WASI 0.3)'),
  0x65: refuse('futures (WASI 0.3)'),
  0x64: refuse('error contexts (WASI 0.3)'),
  0x43: refuse('asynchronous functions (WASI 0.3)'),
};

function refuse(what: string): () => never {
  return () => {
    throw new UnsupportedComponentError(what);
  };
}

function readEach<T>(reader: BinaryReader, read: (reader: BinaryReader) => T): readonly T[] {
  const count = reader.unsigned();
  const rows: T[] = [];
  for (let i = 0; i < count; i++) rows.push(read(reader));
  return rows;
}

/** One byte for a primitive; a number of a type has its sign bit clear. */
function readReference(reader: BinaryReader): TypeReference {
  const from = reader.at;
  const code = reader.byte();
  const primitive = PRIMITIVES[code];
  if (primitive !== undefined) return primitive;
  if (code === 0x64) throw new UnsupportedComponentError('error contexts (WASI 0.3)');
  reader.at = from;
  return reader.unsigned();
}

function readOptional(reader: BinaryReader): TypeReference | undefined {
  return reader.byte() === 0 ? undefined : readReference(reader);
}

function readField(reader: BinaryReader): NamedReference {
  return { name: reader.name(), type: readReference(reader) };
}

function readCase(reader: BinaryReader): NamedReference {
  const name = reader.name();
  const type = readOptional(reader);
  reader.byte(); // a place for refinement, which was never used
  return { name, type };
}

function readFunction(reader: BinaryReader): TypeDefinition {
  const params = readEach(reader, readField);
  if (reader.byte() === 0) return { kind: 'function', params, result: readReference(reader) };
  if (reader.unsigned() !== 0) throw new BinaryFormatError(`named results at byte ${reader.at}`);
  return { kind: 'function', params, result: undefined };
}

function readResource(reader: BinaryReader): TypeDefinition {
  reader.byte(); // its representation, always an i32
  return { kind: 'resource', destructor: reader.byte() === 0 ? undefined : reader.unsigned() };
}

function readComponentType(reader: BinaryReader): TypeDefinition {
  for (let count = reader.unsigned(); count > 0; count--) {
    if (reader.byte() === 3) {
      readName(reader);
      readExtern(reader);
    } else {
      reader.at--;
      readDeclaration(reader);
    }
  }
  return { kind: 'component' };
}

function readDeclaration(reader: BinaryReader): Declaration {
  const code = reader.byte();
  switch (code) {
    case 1:
      return { what: 'type', type: readType(reader) };
    case 2: {
      const sort = readSort(reader);
      const target = reader.byte();
      if (target === 0) return { what: 'alias-export', sort, instance: reader.unsigned(), name: reader.name() };
      if (target !== 2) throw new BinaryFormatError(`unknown alias ${target} at byte ${reader.at}`);
      return { what: 'alias-outer', levels: reader.unsigned(), index: reader.unsigned() };
    }
    case 4:
      return { what: 'export', name: readName(reader), descriptor: readExtern(reader) };
    default:
      throw new UnsupportedComponentError('core modules that are imported');
  }
}

/** The name of an import or export, as it is written in WIT: `wasi:cli/run@0.2.3`, `run`. */
export function readName(reader: BinaryReader): string {
  const form = reader.byte();
  const name = reader.name();
  // A name may be split into one without its version and the rest of that.
  return form === 2 ? `${name}${reader.name()}` : name;
}

export function readExtern(reader: BinaryReader): ExternDescriptor {
  const kind = reader.byte();
  switch (kind) {
    case 0:
      reader.byte();
      reader.unsigned();
      return { kind: 'core-module' };
    case 1:
      return { kind: 'function', type: reader.unsigned() };
    case 2:
      if (reader.byte() === 0) reader.unsigned();
      else readReference(reader);
      return { kind: 'value' };
    case 3:
      return reader.byte() === 0 ? { kind: 'type-equal', type: reader.unsigned() } : { kind: 'resource' };
    case 4:
      reader.unsigned();
      return { kind: 'component' };
    case 5:
      return { kind: 'instance', type: reader.unsigned() };
    default:
      throw new BinaryFormatError(`unknown import or export at byte ${reader.at}`);
  }
}

export function readSort(reader: BinaryReader): Sort {
  const code = reader.byte();
  if (code === 0) return CORE_SORTS[reader.byte()] ?? 'other';
  const sort = SORTS[code];
  if (sort === undefined) throw new BinaryFormatError(`unknown sort ${code} at byte ${reader.at}`);
  return sort;
}

/** What a core instance can hold. */
export function readCoreSort(reader: BinaryReader): Sort {
  return CORE_SORTS[reader.byte()] ?? 'other';
}

const SORTS: Readonly<Record<number, Sort>> = { 1: 'function', 2: 'value', 3: 'type', 4: 'component', 5: 'instance' };

const CORE_SORTS: Readonly<Record<number, Sort>> = {
  0: 'core-function',
  1: 'table',
  2: 'memory',
  3: 'global',
  0x11: 'core-module',
  0x12: 'core-instance',
};
