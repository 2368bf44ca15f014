import { BinaryFormatError, BinaryReader } from '../binary-reader.ts';
import type { Binding, CanonOptions, ComponentDefinition, CoreArgument, Definition } from './definition.ts';
import { readCoreSort, readExtern, readName, readSort, readType } from './parse-types.ts';
import { UnsupportedComponentError } from './unsupported.ts';

/*
 *     component -> | 00 'asm' | u16: version 0d 00 | u16: layer 01 00 | section | ... |
 *     section   -> | u8: id | size | contents |
 *
 *     1 core module: a core module   2 core instances   3 core types   4 component: a component   5 instances
 *     6 aliases   7 types   8 canonical functions   10 imports   11 exports
 */
const HEADER_SIZE = 8;
const VERSION = 0x0d;
/** Components hold components; no compiler makes more than a few. */
const DEPTH_LIMIT = 32;

export interface ParsedComponent {
  readonly root: ComponentDefinition;
  /** The core modules of the whole file. */
  readonly modules: readonly Uint8Array[];
}

/**
 * Reads a component (https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md). Throws
 * BinaryFormatError for bytes that are none, UnsupportedComponentError for what the component needs and we do not have.
 */
export function parseComponent(bytes: Uint8Array): ParsedComponent {
  const modules: Uint8Array[] = [];
  return { root: readComponent(bytes, modules, 0), modules };
}

function readComponent(bytes: Uint8Array, modules: Uint8Array[], depth: number): ComponentDefinition {
  if (depth > DEPTH_LIMIT) throw new BinaryFormatError('components are nested too deeply');
  if (bytes[4] !== VERSION) throw new UnsupportedComponentError(`version ${bytes[4] ?? 0} of the component format`);
  const reader = new BinaryReader(bytes, HEADER_SIZE);
  const definitions: Definition[] = [];
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const size = reader.unsigned();
    const from = reader.at;
    const contents = reader.section(size);
    switch (id) {
      case 0: // custom
      case 3: // core types: of modules that are imported, which nobody does
        break;
      case 1:
        definitions.push({ what: 'core-module', module: modules.length });
        modules.push(reader.slice(from, from + size));
        break;
      case 4: {
        const component = readComponent(reader.slice(from, from + size), modules, depth + 1);
        definitions.push({ what: 'component', component });
        break;
      }
      default:
        definitions.push(...readEach(contents, rowReader(id, from)));
    }
  }
  return { definitions };
}

function rowReader(id: number, at: number): (reader: BinaryReader) => Definition {
  const read = ROWS[id];
  if (read !== undefined) return read;
  if (id === 9 || id === 12) throw new UnsupportedComponentError('values and start functions of components');
  throw new BinaryFormatError(`unknown section ${id} at byte ${at}`);
}

const ROWS: Readonly<Record<number, (reader: BinaryReader) => Definition>> = {
  2: readCoreInstance,
  5: readInstance,
  6: readAlias,
  7: (reader) => ({ what: 'type', type: readType(reader) }),
  8: readCanon,
  10: readImport,
  11: readExport,
};

function readEach<T>(reader: BinaryReader, read: (reader: BinaryReader) => T): T[] {
  const count = reader.unsigned();
  const rows: T[] = [];
  for (let i = 0; i < count; i++) rows.push(read(reader));
  return rows;
}

function readCoreInstance(reader: BinaryReader): Definition {
  if (reader.byte() === 0) {
    const module = reader.unsigned();
    return { what: 'core-instantiate', module, args: readEach(reader, readCoreArgument) };
  }
  return { what: 'core-bundle', exports: readEach(reader, (row) => readCoreBinding(row)) };
}

function readCoreArgument(reader: BinaryReader): CoreArgument {
  const name = reader.name();
  reader.byte(); // always an instance
  return { name, index: reader.unsigned() };
}

function readCoreBinding(reader: BinaryReader): Binding {
  const name = reader.name();
  const sort = readCoreSort(reader);
  return { name, sort, index: reader.unsigned() };
}

function readInstance(reader: BinaryReader): Definition {
  if (reader.byte() === 0) {
    const component = reader.unsigned();
    return { what: 'instantiate', component, args: readEach(reader, readArgument) };
  }
  return { what: 'bundle', exports: readEach(reader, readInlineExport) };
}

function readArgument(reader: BinaryReader): Binding {
  const name = reader.name();
  const sort = readSort(reader);
  return { name, sort, index: reader.unsigned() };
}

function readInlineExport(reader: BinaryReader): Binding {
  const name = readName(reader);
  const sort = readSort(reader);
  return { name, sort, index: reader.unsigned() };
}

function readAlias(reader: BinaryReader): Definition {
  const sort = readSort(reader);
  const target = reader.byte();
  switch (target) {
    case 0:
      return { what: 'alias-export', sort, instance: reader.unsigned(), name: reader.name() };
    case 1:
      return { what: 'alias-core-export', sort, instance: reader.unsigned(), name: reader.name() };
    case 2:
      return { what: 'alias-outer', sort, levels: reader.unsigned(), index: reader.unsigned() };
    default:
      throw new BinaryFormatError(`unknown alias ${target} at byte ${reader.at}`);
  }
}

function readCanon(reader: BinaryReader): Definition {
  const kind = reader.byte();
  switch (kind) {
    case 0: {
      reader.byte();
      const coreFunction = reader.unsigned();
      const options = readOptions(reader);
      return { what: 'lift', coreFunction, options, type: reader.unsigned() };
    }
    case 1:
      reader.byte();
      return { what: 'lower', function: reader.unsigned(), options: readOptions(reader) };
    case 2:
      return { what: 'resource-new', type: reader.unsigned() };
    case 3:
      return { what: 'resource-drop', type: reader.unsigned() };
    case 4:
      return { what: 'resource-rep', type: reader.unsigned() };
    default:
      throw new UnsupportedComponentError(ASYNC);
  }
}

const ASYNC = 'asynchronous functions (WASI 0.3)';

function readOptions(reader: BinaryReader): CanonOptions {
  let encoding: CanonOptions['encoding'] = 'utf8';
  let memory: number | undefined;
  let realloc: number | undefined;
  let postReturn: number | undefined;
  for (let count = reader.unsigned(); count > 0; count--) {
    const option = reader.byte();
    if (option === 0) encoding = 'utf8';
    else if (option === 1) encoding = 'utf16';
    else if (option === 2) encoding = 'latin1+utf16';
    else if (option === 3) memory = reader.unsigned();
    else if (option === 4) realloc = reader.unsigned();
    else if (option === 5) postReturn = reader.unsigned();
    else throw new UnsupportedComponentError(ASYNC);
  }
  return { encoding, memory, realloc, postReturn };
}

function readImport(reader: BinaryReader): Definition {
  return { what: 'import', name: readName(reader), descriptor: readExtern(reader) };
}

function readExport(reader: BinaryReader): Definition {
  const name = readName(reader);
  const sort = readSort(reader);
  const index = reader.unsigned();
  if (reader.byte() === 1) readExtern(reader);
  return { what: 'export', name, sort, index };
}
