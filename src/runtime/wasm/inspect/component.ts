import { BinaryFormatError, BinaryReader } from '../binary-reader.ts';
import { type Custom, readCustom } from './core-module.ts';

/**
 * What a component says of itself at its outermost level.
 *
 *     component -> | 00 'asm' | u16: version | u16: layer 1 | section | ... |
 *     import    -> | 0 or 1 | name | description |
 *     export    -> | 0 or 1 | name | sort | index | 0, or 1 and a description |
 */
export interface Component {
  /** `wasi:http/types@0.2.6` */
  readonly imports: readonly { readonly name: string; readonly kind: string }[];
  readonly exports: readonly { readonly name: string; readonly kind: string }[];
  readonly modules: number;
  readonly components: number;
  /** Of all core modules in it. */
  readonly moduleBytes: number;
  readonly custom: readonly Custom[];
}

const Section = { CUSTOM: 0, CORE_MODULE: 1, COMPONENT: 4, IMPORT: 10, EXPORT: 11 } as const;
const HEADER_SIZE = 8;

/** Throws BinaryFormatError for bytes that are no component. */
export function readComponent(bytes: Uint8Array): Component {
  const reader = new BinaryReader(bytes, HEADER_SIZE);
  const imports: { name: string; kind: string }[] = [];
  const exports: { name: string; kind: string }[] = [];
  const custom: Custom[] = [];
  let modules = 0;
  let components = 0;
  let moduleBytes = 0;
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const size = reader.unsigned();
    const section = reader.section(size);
    if (id === Section.CUSTOM) custom.push(readCustom(section));
    else if (id === Section.COMPONENT) components++;
    else if (id === Section.CORE_MODULE) {
      modules++;
      moduleBytes += size;
    } else if (id === Section.IMPORT) {
      for (let left = section.unsigned(); left > 0; left--) imports.push(readImport(section));
    } else if (id === Section.EXPORT) {
      for (let left = section.unsigned(); left > 0; left--) exports.push(readExport(section));
    }
  }
  return { imports, exports, modules, components, moduleBytes, custom };
}

const SORTS: Readonly<Record<number, string>> = {
  0x00: 'core module',
  0x01: 'function',
  0x02: 'value',
  0x03: 'type',
  0x04: 'component',
  0x05: 'instance',
};
const CORE = 0x00;
const VALUE = 0x02;
const TYPE = 0x03;

function readImport(section: BinaryReader): { readonly name: string; readonly kind: string } {
  return { name: externName(section), kind: readDescription(section) };
}

function readExport(section: BinaryReader): { readonly name: string; readonly kind: string } {
  const name = externName(section);
  const sort = section.byte();
  if (sort === CORE) section.byte();
  section.unsigned();
  if (section.byte() === 1) readDescription(section);
  return { name, kind: sortName(sort, section) };
}

function externName(section: BinaryReader): string {
  const form = section.byte();
  if (form > 1) throw new BinaryFormatError(`unknown form of a name at byte ${section.at}`);
  return section.name();
}

function readDescription(section: BinaryReader): string {
  const sort = section.byte();
  if (sort === CORE) section.byte();
  // Bounds of values and types have a byte before what they refer to; a type that is a new resource has nothing else.
  if (sort === VALUE || sort === TYPE) {
    const isNewResource = section.byte() === 1 && sort === TYPE;
    if (isNewResource) return sortName(sort, section);
    section.skipNumber();
    return sortName(sort, section);
  }
  section.unsigned();
  return sortName(sort, section);
}

function sortName(sort: number, section: BinaryReader): string {
  const name = SORTS[sort];
  if (name === undefined) throw new BinaryFormatError(`unknown kind of thing ${sort} at byte ${section.at}`);
  return name;
}
