import { BinaryFormatError, BinaryReader } from '../binary-reader.ts';
import { readLimits, type Limits, readTypes, type SignatureText, skipValueType } from './value-types.ts';

/** What the sections of a core module say, without compiling it. */
export interface CoreModule {
  readonly imports: readonly CoreImport[];
  readonly exports: readonly { readonly name: string; readonly kind: string }[];
  readonly memories: readonly Limits[];
  readonly tables: readonly Limits[];
  readonly hasStart: boolean;
  readonly functions: number;
  readonly codeBytes: number;
  readonly dataBytes: number;
  readonly custom: readonly Custom[];
}

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ImportKind;
  /** Of functions of a plain type. */
  readonly signature?: SignatureText | undefined;
  readonly limits?: Limits | undefined;
}

export interface Custom {
  readonly name: string;
  /** Without its name. */
  readonly contents: Uint8Array;
}

type ImportKind = (typeof KINDS)[number];

const KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const;
const Section = {
  CUSTOM: 0,
  TYPE: 1,
  IMPORT: 2,
  FUNCTION: 3,
  TABLE: 4,
  MEMORY: 5,
  EXPORT: 7,
  START: 8,
  CODE: 10,
  DATA: 11,
} as const;
const HEADER_SIZE = 8;

type Draft = { -readonly [K in keyof CoreModule]: CoreModule[K] extends readonly (infer T)[] ? T[] : CoreModule[K] };

/** Throws BinaryFormatError for bytes that are no core module. The code itself is not looked at. */
export function readCoreModule(bytes: Uint8Array): CoreModule {
  const reader = new BinaryReader(bytes, HEADER_SIZE);
  const draft: Draft = {
    imports: [],
    exports: [],
    memories: [],
    tables: [],
    hasStart: false,
    functions: 0,
    codeBytes: 0,
    dataBytes: 0,
    custom: [],
  };
  let types: ReturnType<typeof readTypes> = [];
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const size = reader.unsigned();
    const section = reader.section(size);
    if (id === Section.TYPE) types = readTypes(section);
    else if (id === Section.CODE) draft.codeBytes += size;
    else if (id === Section.DATA) draft.dataBytes += size;
    else readSection(id, section, draft, types);
  }
  return draft;
}

/** A custom section, whose name is read. */
export function readCustom(section: BinaryReader): Custom {
  const name = section.name();
  return { name, contents: section.rest() };
}

function readSection(id: number, section: BinaryReader, draft: Draft, types: ReturnType<typeof readTypes>): void {
  switch (id) {
    case Section.CUSTOM:
      draft.custom.push(readCustom(section));
      return;
    case Section.IMPORT:
      for (let left = section.unsigned(); left > 0; left--) draft.imports.push(readImport(section, types));
      return;
    case Section.FUNCTION:
      draft.functions = section.unsigned();
      return;
    case Section.TABLE:
      for (let left = section.unsigned(); left > 0 && readTable(section, draft); left--);
      return;
    case Section.MEMORY:
      for (let left = section.unsigned(); left > 0; left--) draft.memories.push(readLimits(section));
      return;
    case Section.EXPORT:
      for (let left = section.unsigned(); left > 0; left--) {
        draft.exports.push({ name: section.name(), kind: kindOf(section) });
        section.unsigned();
      }
      return;
    case Section.START:
      draft.hasStart = true;
      return;
    default:
  }
}

function readImport(section: BinaryReader, types: ReturnType<typeof readTypes>): CoreImport {
  const module = section.name();
  const name = section.name();
  const kind = kindOf(section);
  switch (kind) {
    case 'function':
      return { module, name, kind, signature: types[section.unsigned()] };
    case 'table':
      skipValueType(section);
      return { module, name, kind, limits: readLimits(section) };
    case 'memory':
      return { module, name, kind, limits: readLimits(section) };
    case 'global':
      skipValueType(section);
      section.byte();
      return { module, name, kind };
    case 'tag':
      section.byte();
      section.skipNumber();
      return { module, name, kind };
  }
}

/** False: it has an initial value, behind which nothing can be read without knowing every instruction. */
function readTable(section: BinaryReader, draft: Draft): boolean {
  const from = section.at;
  const hasInitialValue = section.byte() === WITH_INITIAL_VALUE;
  if (hasInitialValue) section.byte();
  else section.at = from;
  skipValueType(section);
  draft.tables.push(readLimits(section));
  return !hasInitialValue;
}

const WITH_INITIAL_VALUE = 0x40;

function kindOf(section: BinaryReader): ImportKind {
  const kind = KINDS[section.byte()];
  if (kind === undefined) throw new BinaryFormatError(`unknown kind at byte ${section.at}`);
  return kind;
}
