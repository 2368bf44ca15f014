import { BinaryFormatError, BinaryReader, encodeUnsigned } from './binary-reader.ts';

/*
 *     module  -> | 00 'asm' | u32: version and layer | section | ... |
 *     section -> | u8: id | size | contents |
 *
 *     2 imports:  count x | module | name | 0: func, type | 1: table, reftype, limits | 2: memory, limits |
 *                                         | 3: global, valtype, mutable | 4: tag, 0, type |
 *     4 tables:   count x | reftype, limits |   or   | 40 00, reftype, limits, expression |
 *     5 memories: count x | limits |
 *     limits  -> | flags: 1 = has max, 2 = shared, 4 = 64 bits | min | max |
 */
const Section = { IMPORT: 2, TABLE: 4, MEMORY: 5 } as const;
const ImportKind = { FUNCTION: 0, TABLE: 1, MEMORY: 2, GLOBAL: 3, TAG: 4 } as const;
const HEADER_SIZE = 8;
const MAGIC = 0x0061_736d;
const PAGE_BYTES = 65_536;
const MAX_PAGES = 65_536;
/**
 * V8 aborts the whole process when a table cannot be allocated. The largest programs have some 100,000 entries.
 */
export const TABLE_ENTRIES_LIMIT = 1_000_000;

export interface MemoryImport {
  readonly initial: number;
  readonly maximum: number;
  /** Threads of the guest have it together. */
  readonly shared: boolean;
}

export interface CappedModule {
  /** The same module, with no memory and no table that may grow beyond the limits. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The memory that the host has to bring, when the module imports one. */
  readonly importedMemory: MemoryImport | undefined;
}

/** Why a module is refused before it is compiled. */
export class LimitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LimitError';
  }
}

/** `component` and `unknown` are no core modules. */
export function moduleLayer(bytes: Uint8Array): 'module' | 'component' | 'unknown' {
  if (bytes.length < HEADER_SIZE) return 'unknown';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC) return 'unknown';
  return view.getUint16(6, true) === 0 ? 'module' : 'component';
}

/**
 * Rewrites the limits of memories and tables so that the engine itself holds the guest to them. Throws LimitError for
 * a module that needs more than it may have from the start, BinaryFormatError for what cannot be read.
 */
export function capLimits(bytes: Uint8Array, memoryBytes: number | undefined): CappedModule {
  const caps = new Caps(memoryBytes);
  const reader = new BinaryReader(bytes, HEADER_SIZE);
  const parts: Uint8Array[] = [bytes.subarray(0, HEADER_SIZE)];
  while (!reader.isAtEnd) {
    const from = reader.at;
    const id = reader.byte();
    const contents = reader.section(reader.unsigned());
    const rewrite = REWRITERS[id];
    if (rewrite === undefined) parts.push(bytes.subarray(from, reader.at));
    else {
      const rewritten = rewrite(contents, caps);
      parts.push(Uint8Array.from([id, ...encodeUnsigned(rewritten.length)]), rewritten);
    }
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), importedMemory: caps.importedMemory };
}

interface CappedMemory extends MemoryImport {
  /** As the binary format has them. */
  readonly limits: readonly number[];
}

class Caps {
  importedMemory: MemoryImport | undefined;
  readonly #maxPages: number;
  #tableEntries = 0;

  constructor(memoryBytes: number | undefined) {
    this.#maxPages = Math.min(MAX_PAGES, Math.floor((memoryBytes ?? Infinity) / PAGE_BYTES));
  }

  memory(reader: BinaryReader, isImported: boolean): CappedMemory {
    const { flags, min, max } = readLimits(reader);
    const shared = (flags & SHARED) !== 0;
    if (shared && max === undefined) {
      throw new LimitError('its shared memory has no maximum: link it with --max-memory=BYTES');
    }
    if (shared && !isImported) {
      throw new LimitError(
        'its shared memory is its own, so that no thread could have it: link it with --import-memory',
      );
    }
    if ((flags & BITS_64) !== 0) throw new LimitError('it needs a 64-bit memory, which is not supported');
    if (min > this.#maxPages) {
      const needed = `${toMib(min)} MiB of memory from the start`;
      throw new LimitError(`it needs ${needed}, and its limit is ${toMib(this.#maxPages)} MiB`);
    }
    const maximum = Math.min(max ?? MAX_PAGES, this.#maxPages);
    return { initial: min, maximum, shared, limits: writeLimits(flags, min, maximum) };
  }

  table(reader: BinaryReader): readonly number[] {
    const { flags, min, max } = readLimits(reader);
    this.#tableEntries += min;
    if (this.#tableEntries > TABLE_ENTRIES_LIMIT) {
      throw new LimitError(`its tables have ${this.#tableEntries} entries; the limit is ${TABLE_ENTRIES_LIMIT}`);
    }
    return writeLimits(flags, min, Math.min(max ?? TABLE_ENTRIES_LIMIT, TABLE_ENTRIES_LIMIT));
  }
}

type Rewriter = (contents: BinaryReader, caps: Caps) => Uint8Array;

const REWRITERS: Readonly<Record<number, Rewriter>> = {
  [Section.IMPORT]: (contents, caps) => rewriteEach(contents, (reader) => rewriteImport(reader, caps)),
  [Section.TABLE]: (contents, caps) => rewriteEach(contents, (reader) => rewriteTable(reader, caps)),
  [Section.MEMORY]: (contents, caps) => rewriteEach(contents, (reader) => caps.memory(reader, false).limits),
};

function rewriteEach(contents: BinaryReader, rewrite: (reader: BinaryReader) => Iterable<number>): Uint8Array {
  const count = contents.unsigned();
  const out: number[] = [...encodeUnsigned(count)];
  for (let i = 0; i < count; i++) for (const byte of rewrite(contents)) out.push(byte);
  if (!contents.isAtEnd) throw new BinaryFormatError(`section longer than its contents at byte ${contents.at}`);
  return Uint8Array.from(out);
}

function rewriteImport(reader: BinaryReader, caps: Caps): Iterable<number> {
  const from = reader.at;
  reader.name();
  reader.name();
  const kind = reader.byte();
  switch (kind) {
    case ImportKind.FUNCTION:
      reader.skipNumber();
      return reader.slice(from, reader.at);
    case ImportKind.TABLE: {
      skipValueType(reader);
      const head = reader.slice(from, reader.at);
      return [...head, ...caps.table(reader)];
    }
    case ImportKind.MEMORY: {
      const head = reader.slice(from, reader.at);
      const { limits, ...memory } = caps.memory(reader, true);
      caps.importedMemory = memory;
      return [...head, ...limits];
    }
    case ImportKind.GLOBAL:
      skipValueType(reader);
      reader.byte();
      return reader.slice(from, reader.at);
    case ImportKind.TAG:
      reader.byte();
      reader.skipNumber();
      return reader.slice(from, reader.at);
    default:
      throw new BinaryFormatError(`unknown kind of import ${kind} at byte ${reader.at}`);
  }
}

function rewriteTable(reader: BinaryReader, caps: Caps): Iterable<number> {
  const from = reader.at;
  const hasInitialValue = reader.byte() === WITH_INITIAL_VALUE;
  if (hasInitialValue) reader.byte();
  else reader.at = from;
  skipValueType(reader);
  const head = reader.slice(from, reader.at);
  const limits = caps.table(reader);
  const expressionAt = reader.at;
  if (hasInitialValue) skipExpression(reader);
  return [...head, ...limits, ...reader.slice(expressionAt, reader.at)];
}

const WITH_INITIAL_VALUE = 0x40;
const HAS_MAX = 1;
const SHARED = 2;
const BITS_64 = 4;
/** `(ref null? heaptype)`: the heap type follows. All other value types are one byte. */
const REFERENCES: ReadonlySet<number> = new Set([0x63, 0x64]);

interface Limits {
  readonly flags: number;
  readonly min: number;
  readonly max: number | undefined;
}

function readLimits(reader: BinaryReader): Limits {
  const flags = reader.byte();
  if (flags > (HAS_MAX | SHARED | BITS_64)) throw new BinaryFormatError(`unknown limits at byte ${reader.at}`);
  const min = reader.unsigned();
  return { flags, min, max: (flags & HAS_MAX) === 0 ? undefined : reader.unsigned() };
}

function writeLimits(flags: number, min: number, max: number): readonly number[] {
  return [flags | HAS_MAX, ...encodeUnsigned(min), ...encodeUnsigned(max)];
}

function skipValueType(reader: BinaryReader): void {
  if (REFERENCES.has(reader.byte())) reader.skipNumber();
}

/** A constant expression. */
function skipExpression(reader: BinaryReader): void {
  for (;;) {
    const op = reader.byte();
    switch (op) {
      case 0x0b:
        return;
      case 0x23: // global.get
      case 0x41: // i32.const
      case 0x42: // i64.const
      case 0xd0: // ref.null
      case 0xd2: // ref.func
        reader.skipNumber();
        break;
      default:
        throw new BinaryFormatError(`unknown instruction 0x${op.toString(16)} at byte ${reader.at}`);
    }
  }
}

function toMib(pages: number): number {
  return Math.round((pages * PAGE_BYTES) / 1024 / 1024);
}
