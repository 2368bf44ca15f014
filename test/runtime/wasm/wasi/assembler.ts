/** Enough of the Wasm binary format to write guests by hand. */

/** 'i' i32, 'I' i64, as in 'iiI'. */
export interface Signature {
  readonly params: string;
  readonly results: string;
}

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly signature: Signature;
}

export interface DefinedFunction {
  readonly signature: Signature;
  /** Instructions, without the closing `end`. */
  readonly body: readonly number[];
  readonly exportAs?: string;
  /** Shown in backtraces. */
  readonly debugName?: string;
}

export interface ModuleSource {
  readonly imports?: readonly ImportedFunction[];
  readonly functions: readonly DefinedFunction[];
  readonly memoryPages?: number;
  /** The function that runs before anything is exported. */
  readonly start?: number;
  /** Placed in memory from address 0. */
  readonly data?: Uint8Array;
}

export const op = {
  unreachable: [0x00],
  drop: [0x1a],
  end: [0x0b],
  loop: [0x03, 0x40],
  block: [0x02, 0x40],
  branch: (depth: number) => [0x0c, ...unsigned(depth)],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
  /** The legacy encoding, which V8 keeps. */
  try: [0x06, 0x40],
  catchAll: [0x19],
  i32: (value: number) => [0x41, ...signed(value)],
  i64: (value: number) => [0x42, ...signed(value)],
  load: (offset: number) => [0x28, 0x02, ...unsigned(offset)],
  local: (index: number) => [0x20, ...unsigned(index)],
  call: (index: number) => [0x10, ...unsigned(index)],
} as const;

/** The bytes of a module. Functions are numbered imports first. */
export function assemble(source: ModuleSource): Uint8Array<ArrayBuffer> {
  const imports = source.imports ?? [];
  const types: string[] = [];
  const typeOf = (signature: Signature): number => {
    const text = `${signature.params}>${signature.results}`;
    const known = types.indexOf(text);
    return known >= 0 ? known : types.push(text) - 1;
  };
  const importItems = imports.map((it) => [
    ...name(it.module),
    ...name(it.name),
    0x00,
    ...unsigned(typeOf(it.signature)),
  ]);
  const functionItems = source.functions.map((it) => unsigned(typeOf(it.signature)));
  const exportItems = [[...name('memory'), 0x02, 0]];
  const debugNames: number[][] = [];
  source.functions.forEach((it, i) => {
    const index = unsigned(imports.length + i);
    if (it.exportAs !== undefined) exportItems.push([...name(it.exportAs), 0x00, ...index]);
    if (it.debugName !== undefined) debugNames.push([...index, ...name(it.debugName)]);
  });
  const codeItems = source.functions.map((it) => sized([0x00, ...it.body, 0x0b]));
  const typeItems = types.map((text) => {
    const [params = '', results = ''] = text.split('>');
    return [0x60, ...valueTypes(params), ...valueTypes(results)];
  });
  const data = source.data === undefined ? [] : [[0x00, ...op.i32(0), 0x0b, ...sized([...source.data])]];
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    ...section(1, typeItems),
    ...section(2, importItems),
    ...section(3, functionItems),
    ...section(5, [[0x00, ...unsigned(source.memoryPages ?? 1)]]),
    ...section(7, exportItems),
    ...(source.start === undefined ? [] : [8, ...sized(unsigned(source.start))]),
    ...section(10, codeItems),
    ...section(11, data),
    0x00,
    ...sized([...name('name'), 0x01, ...sized([...unsigned(debugNames.length), ...debugNames.flat()])]),
  ]);
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  if (items.length === 0) return [];
  return [id, ...sized([...unsigned(items.length), ...items.flat()])];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return sized([...Buffer.from(text)]);
}

function valueTypes(letters: string): number[] {
  return sized(Array.from(letters, (letter) => (letter === 'I' ? 0x7e : 0x7f)));
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = left % 128;
    left = Math.floor(left / 128);
    bytes.push(left === 0 ? low : low | 0x80);
  } while (left !== 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let left = BigInt(value);
  for (;;) {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    const isLast = (left === 0n && (low & 0x40) === 0) || (left === -1n && (low & 0x40) !== 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}
