import { WasiHost, type HostOptions } from '../../../../src/runtime/wasm/wasi/host.ts';
import { assemble, type DefinedFunction, op } from './assembler.ts';
import { type FunctionName, SIGNATURES } from './guest.ts';

const WASI = 'wasi_snapshot_preview1';
const VOID = { params: '', results: '' };

/** A program whose `_start` is `body`; it calls the functions it imports by their place in the list. */
export function program(
  imports: readonly FunctionName[],
  body: readonly number[],
  more: { readonly functions?: readonly DefinedFunction[]; readonly data?: Uint8Array } = {},
): WebAssembly.Module {
  return new WebAssembly.Module(
    assemble({
      imports: imports.map((name) => ({
        module: WASI,
        name,
        signature: { params: SIGNATURES[name], results: name === 'proc_exit' ? '' : 'i' },
      })),
      functions: [{ signature: VOID, body, exportAs: '_start', debugName: 'begin' }, ...(more.functions ?? [])],
      ...(more.data === undefined ? {} : { data: more.data }),
    }),
  );
}

/** Memory from 0: a buffer of 6 bytes at 16, 'hello\n', and its array at 0. */
export const HELLO = new Uint8Array([16, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from('hello\n')]);
/** fd_write(1, array, 1, result) by import `index`; leaves nothing on the stack. */
export const writeHello = (index: number): number[] => [
  ...op.i32(1),
  ...op.i32(0),
  ...op.i32(1),
  ...op.i32(32),
  ...op.call(index),
  ...op.drop,
];

export function hostWith(options: Partial<HostOptions> = {}): WasiHost {
  return new WasiHost({
    args: ['program'],
    env: [],
    stdout: () => undefined,
    stderr: () => undefined,
    mounts: [],
    ...options,
  });
}
