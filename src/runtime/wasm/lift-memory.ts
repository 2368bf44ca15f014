import { BinaryReader, encodeUnsigned } from './binary-reader.ts';
import type { CappedModule } from './cap-limits.ts';

const Section = { CUSTOM: 0, TYPE: 1, IMPORT: 2, MEMORY: 5 } as const;
const HEADER_SIZE = 8;
const MEMORY_KIND = 2;
const SHARED = 2;

/**
 * The same module with the memory that it declares as an import, so that the host can bring one: to make a memory takes
 * longer than all else that an instance needs, and one that was cleared is as good. A module that declares none, a shared
 * one or several, stays as it is.
 */
export function liftMemory(capped: CappedModule): CappedModule {
  const { bytes, importedMemory } = capped;
  const sections = [...sectionsOf(bytes)];
  const declared = sections.find(({ id }) => id === Section.MEMORY);
  if (declared === undefined || importedMemory !== undefined) return capped;
  const memory = new BinaryReader(bytes, declared.contents, declared.end);
  if (memory.unsigned() !== 1) return capped;
  // Capped memories always have a maximum.
  const isShared = (memory.byte() & SHARED) !== 0;
  if (isShared) return capped;
  const limits = { initial: memory.unsigned(), maximum: memory.unsigned(), shared: false };
  const parts: Uint8Array[] = [bytes.subarray(0, HEADER_SIZE)];
  const entry = [
    ...name('wcompose'),
    ...name('memory'),
    MEMORY_KIND,
    ...bytes.subarray(declared.contents + 1, declared.end),
  ];
  let isPlaced = false;
  const place = (count: number, others: Uint8Array): void => {
    // Before the others: whether functions come first makes no difference to their numbers.
    const head = [...encodeUnsigned(count + 1), ...entry];
    parts.push(Uint8Array.from([Section.IMPORT, ...encodeUnsigned(head.length + others.length), ...head]), others);
    isPlaced = true;
  };
  for (const { id, from, contents, end } of sections) {
    if (id === Section.MEMORY) continue;
    if (id === Section.IMPORT) {
      const reader = new BinaryReader(bytes, contents, end);
      place(reader.unsigned(), reader.rest());
      continue;
    }
    if (!isPlaced && id !== Section.CUSTOM && id !== Section.TYPE) place(0, new Uint8Array(0));
    parts.push(bytes.subarray(from, end));
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), importedMemory: limits };
}

function* sectionsOf(bytes: Uint8Array): Generator<{ id: number; from: number; contents: number; end: number }> {
  const reader = new BinaryReader(bytes, HEADER_SIZE);
  while (!reader.isAtEnd) {
    const from = reader.at;
    const id = reader.byte();
    const size = reader.unsigned();
    const contents = reader.at;
    reader.skip(size);
    yield { id, from, contents, end: reader.at };
  }
}

function name(ascii: string): readonly number[] {
  return [ascii.length, ...Buffer.from(ascii, 'latin1')];
}
