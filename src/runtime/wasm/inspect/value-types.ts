import { BinaryFormatError, type BinaryReader } from '../binary-reader.ts';

/** Of functions: the letters of the parameters, `>`, those of the results. `i` i32, `I` i64, `f` f32, `F` f64. */
export type SignatureText = string;

const LETTERS: Readonly<Record<number, string>> = { 0x7f: 'i', 0x7e: 'I', 0x7d: 'f', 0x7c: 'F', 0x7b: 'v' };
const FUNCTION = 0x60;

/**
 * The types of a module, as far as they are functions of the plain form: undefined stands for all others. What comes
 * after a form that is not known here is unknown as well.
 */
export function readTypes(section: BinaryReader): readonly (SignatureText | undefined)[] {
  const count = section.unsigned();
  const types: SignatureText[] = [];
  for (let i = 0; i < count; i++) {
    // Groups of types, structures and arrays of the garbage collector: no import of a host function has them.
    if (section.byte() !== FUNCTION) return types;
    types.push(`${valueTypes(section)}>${valueTypes(section)}`);
  }
  return types;
}

function valueTypes(section: BinaryReader): string {
  const count = section.unsigned();
  let letters = '';
  for (let i = 0; i < count; i++) letters += valueType(section);
  return letters;
}

function valueType(section: BinaryReader): string {
  const code = section.byte();
  // `(ref null? heaptype)`: the heap type follows.
  if (code === 0x63 || code === 0x64) section.skipNumber();
  return LETTERS[code] ?? 'r';
}

export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
  readonly isShared: boolean;
  readonly is64Bit: boolean;
}

/** | flags: 1 = has max, 2 = shared, 4 = 64 bits, 8 = page size | min | max | page size | */
export function readLimits(section: BinaryReader): Limits {
  const flags = section.byte();
  if (flags > 15) throw new BinaryFormatError(`unknown limits at byte ${section.at}`);
  const min = section.unsigned();
  const max = (flags & 1) === 0 ? undefined : section.unsigned();
  if ((flags & 8) !== 0) section.unsigned();
  return { min, max, isShared: (flags & 2) !== 0, is64Bit: (flags & 4) !== 0 };
}

/** The element type of a table, or the type of a global. */
export function skipValueType(section: BinaryReader): void {
  valueType(section);
}
