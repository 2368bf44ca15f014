/*
 * A call that may suspend the guest costs several times a plain one even when it does not. So what may suspend is
 * called in two steps, by a small module between the guest and this host:
 *
 *     (func (export "0") (param i32 ...) (result i32)
 *       (local $errno i32)
 *       (local.tee $errno (call $plain (local.get 0) ...))     ;; does the call, and keeps a promise if it has to wait
 *       (i32.eq (i32.const -1))
 *       (if (result i32) (then (call $suspending))             ;; returns the promise that was kept
 *                        (else (local.get $errno))))
 */
type Call = (...args: number[]) => number | Promise<number>;

/** A function that may suspend; all parameters are i32, and so is the result, which is never negative. */
export interface QuickCall {
  readonly name: string;
  readonly parameters: number;
  readonly call: Call;
}

const WAITS = -1;

/** The functions as a guest can import them, if it declares them with that many parameters: else it does not link. */
export function quickCalls(calls: readonly QuickCall[]): Readonly<Record<string, WebAssembly.ImportValue>> {
  let kept: Promise<number> | undefined;
  const takeKept = async (): Promise<number> => {
    const promise = kept;
    kept = undefined;
    return await (promise ?? Promise.reject(new Error('no call waits')));
  };
  const plain = calls.map(({ call }) => (...args: number[]): number => {
    const result = call(...args);
    if (typeof result === 'number') return result;
    kept = result;
    return WAITS;
  });
  const module = moduleFor(calls.map((call) => call.parameters));
  const imports = { '': { '': new WebAssembly.Suspending(takeKept), ...Object.fromEntries(plain.entries()) } };
  const { exports } = new WebAssembly.Instance(module, imports);
  return Object.fromEntries(calls.map(({ name }, i) => [name, exports[String(i)] as WebAssembly.ImportValue]));
}

/** Guests of one language import the same functions. */
const MODULES = new Map<string, WebAssembly.Module>();

function moduleFor(parameters: readonly number[]): WebAssembly.Module {
  const key = parameters.join();
  const known = MODULES.get(key);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(Uint8Array.from(encode(parameters)));
  MODULES.set(key, module);
  return module;
}

const I32 = 0x7f;

/** Type and function 0 is the one that suspends; those of call `i` are behind it. */
function encode(parameters: readonly number[]): readonly number[] {
  const count = parameters.length;
  const types = parameters.map((n) => [0x60, ...vector(Array.from({ length: n }, () => [I32])), 1, I32]);
  const imports = parameters.map((_, i) => [0, ...text(String(i)), 0, ...leb(i + 1)]);
  const exports = parameters.map((_, i) => [...text(String(i)), 0, ...leb(1 + count + i)]);
  const sections = [
    section(1, vector([[0x60, 0, 1, I32], ...types])),
    section(2, vector([[0, 0, 0, 0], ...imports])),
    section(3, vector(parameters.map((_, i) => leb(i + 1)))),
    section(7, vector(exports)),
    section(10, vector(parameters.map((n, i) => sized(body(n, i + 1))))),
  ];
  return [...MAGIC, ...sections.flat()];
}

const MAGIC = Buffer.from('\0asm\u0001\0\0\0', 'latin1');

function body(parameters: number, plain: number): readonly number[] {
  const errno = leb(parameters);
  const given = Array.from({ length: parameters }, (_, i) => [0x20, ...leb(i)]).flat();
  const steps = [
    [1, 1, I32],
    given,
    [0x10, ...leb(plain)],
    [0x22, ...errno, 0x41, 0x7f, 0x46],
    [0x04, I32, 0x10, 0, 0x05, 0x20, ...errno, 0x0b],
    [0x0b],
  ];
  return steps.flat();
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): readonly number[] {
  return [...leb(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): readonly number[] {
  return [...leb(items.length), ...items.flat()];
}

function text(ascii: string): readonly number[] {
  return sized(Array.from(ascii, (char) => char.charCodeAt(0)));
}

function leb(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
