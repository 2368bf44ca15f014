import { describe, test } from 'vitest';

import { missingImports } from '../../../../src/runtime/wasm/check-imports.ts';
import { dialectOf } from '../../../../src/runtime/wasm/dialects.ts';
import { socketFunctions } from '../../../../src/runtime/wasm/net/functions.ts';
import { PREVIEW1_SIGNATURES, WAMR_SIGNATURES, WASMEDGE_SIGNATURES } from '../../../../src/runtime/wasm/signatures.ts';
import { PREVIEW1, UNSTABLE } from '../../../../src/runtime/wasm/wasi/functions.ts';
import { SocketGuest } from '../net/socket-guest.ts';

const P1 = 'wasi_snapshot_preview1';

describe('an import tells its dialect', () => {
  const rows: readonly (readonly [
    module: string,
    name: string,
    signature: string | undefined,
    dialect: string,
    hint: RegExp,
  ])[] = [
    [P1, 'sock_teleport', 'i>i', 'WASI preview 1', /no version of WASI/],
    [P1, 'fd_seek', 'iiiii>i', 'WASI preview 1 with 64-bit numbers in two halves', /WASM_BIGINT/],
    [P1, 'fd_write', 'ii>i', 'WASI preview 1', /no version/],
    [P1, 'sock_set_ip_add_membership', 'ii>i', 'WAMR sockets', /not this option/],
    ['wasix_32v1', 'sock_open', 'iiii>i', 'WASIX', /threads, fork/],
    ['wasi_nn', 'load', 'iiiii>i', 'wasi-nn', /model server/],
    ['wasi_ephemeral_nn', 'compute', 'i>i', 'wasi-nn', /model server/],
    ['wasi_ephemeral_crypto_common', 'options_open', 'ii>i', 'wasi-crypto', /compiled into/],
    ['wasmedge_process', 'wasmedge_process_run', '>i', 'WasmEdge plug-in', /leave the feature out/],
    ['wasi:http/types@0.2.6', '[constructor]fields', '>i', 'WASI 0.2 or 0.3', /the component itself/],
    ['gojs', 'runtime.wasmExit', 'i>', 'Go for JavaScript', /GOOS=wasip1/],
    ['go', 'syscall/js.valueGet', 'i>', 'Go for JavaScript', /GOOS=wasip1/],
    ['wbg', '__wbg_log_1', 'ii>', 'wasm-bindgen', /wasm32-wasip1/],
    ['./app_bg.js', '__wbindgen_throw', 'ii>', 'wasm-bindgen', /wasm32-wasip1/],
    ['env', 'abort', 'iiii>', 'AssemblyScript', /wasi-shim/],
    ['env', 'emscripten_resize_heap', 'i>i', 'Emscripten', /STANDALONE_WASM/],
    ['env', 'invoke_vi', 'ii>', 'Emscripten', /STANDALONE_WASM/],
    ['a', 'b', 'i>i', 'Emscripten', /STANDALONE_WASM/],
    ['env', 'sqlite3_open', 'ii>i', 'a function that was not linked', /link the library/],
    ['env', 'proxy_log', 'iii>i', 'proxy-wasm', /proxy/],
    ['extism:host/env', 'alloc', 'I>I', 'Extism', /plug-in/],
    ['rb-js-abi-host', 'eval-js: func(code: string)', 'iii>', 'ruby.wasm for JavaScript', /no program/],
    ['spectest', 'print', '>', 'unknown', /wasm32-wasip1/],
  ];
  for (const [module, name, signature, dialect, hint] of rows) {
    test(`${module}.${name} ${signature ?? ''}`, ({ expect }) => {
      const found = dialectOf({ module, name, kind: 'function', signature });
      expect(found).toMatchObject({ name: dialect, isProvided: false });
      expect(found.hint).toMatch(hint);
    });
  }
});

describe('the tables say what the host has', () => {
  test('WASI preview 1 and its snapshot 0: every function is there, and no other', ({ expect }) => {
    expect(Object.keys(PREVIEW1).toSorted()).toEqual(Object.keys(PREVIEW1_SIGNATURES).toSorted());
    expect(Object.keys(UNSTABLE).toSorted()).toEqual(Object.keys(PREVIEW1_SIGNATURES).toSorted());
  });

  test('sockets: every function in every form is there, and every function is in a table', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const rows = socketFunctions(guest.host, guest.network);
    const tables = { ...WASMEDGE_SIGNATURES, ...WAMR_SIGNATURES };
    const names = Object.keys(rows).filter((name) => !name.endsWith('_v2'));
    expect(names.toSorted()).toEqual(Object.keys(tables).toSorted());
    // A form that is not there answers NOSYS, whatever its arguments.
    const forms = [...Object.entries(WASMEDGE_SIGNATURES), ...Object.entries(WAMR_SIGNATURES)];
    for (const [name, signatures] of forms) {
      for (const signature of signatures) {
        const args = Array.from(signature.split('>')[0] ?? '', () => 0xffff_fff0);
        const call = rows[name]?.fn as ((...args: number[]) => unknown) | undefined;
        expect(
          answerOf(() => call?.(...args)),
          `${name} ${signature}`,
        ).not.toBe(52);
      }
    }
  });

  test('a function in a form that nobody knows is provided: there are headers that declare it wrongly', ({
    expect,
  }) => {
    const wrong = { module: P1, name: 'sock_recv_from', kind: 'function', signature: 'iii>i' };
    expect(missingImports([wrong])).toEqual([]);
  });
});

function answerOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
