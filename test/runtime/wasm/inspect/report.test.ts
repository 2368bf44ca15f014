import { readFileSync } from 'node:fs';

import { describe, test } from 'vitest';

import { moduleReport } from '../../../../src/runtime/wasm/inspect/report.ts';
import { moduleReportText } from '../../../../src/ui/module-report-text.ts';
import { guestPath } from '../../../guests/build.ts';
import { assemble, op } from '../wasi/assembler.ts';

const START = { signature: { params: '', results: '' }, body: [], exportAs: '_start' } as const;
const P1 = 'wasi_snapshot_preview1';

describe('a core module', () => {
  test('built from C: its sockets in their dialects, names, limits and what it gets', ({ expect }) => {
    const report = moduleReport(readFileSync(guestPath('http-poll')), 'http-poll.wasm');
    expect(report).toMatchObject({ kind: 'module', wasi: 'wasip1', missing: [], problem: undefined, hasStart: false });
    expect(report.languages.join()).toMatch(/clang \d/);
    expect(new Map(report.imports.map(({ dialect, isProvided }) => [dialect, isProvided]))).toEqual(
      new Map([
        ['WASI preview 1', true],
        ['WasmEdge sockets', true],
      ]),
    );
    expect(report.exports).toContainEqual({ name: '_start', kind: 'function' });
    expect(report.memories).toMatchObject([{ max: undefined, isImported: false, isShared: false }]);
    expect(report.custom.find(({ name }) => name === 'name')?.bytes).toBeGreaterThan(100);
    expect(report.granted.join('\n')).toContain('connections on its ports');
    expect(report.functions).toBeGreaterThan(10);
  });

  test('that cannot run here: every missing import with what to do, in text and in order', ({ expect }) => {
    const bytes = assemble({
      imports: [
        { module: P1, name: 'fd_write', signature: { params: 'iiii', results: 'i' } },
        { module: 'env', name: 'abort', signature: { params: 'iiii', results: '' } },
        { module: 'env', name: 'seed', signature: { params: '', results: 'i' } },
      ],
      functions: [START],
      start: 3,
    });
    const report = moduleReport(bytes, 'x.wasm');
    expect(report).toMatchObject({
      languages: ['AssemblyScript'],
      hasStart: true,
      missing: [
        { name: 'env.abort', dialect: 'AssemblyScript' },
        { name: 'env.seed', dialect: 'AssemblyScript' },
      ],
    });
    const text = moduleReportText(report);
    expect(text).toContain('x.wasm: a core module, WASI preview 1 (wasip1), AssemblyScript\n');
    expect(text).toMatch(/AssemblyScript +2 +NO +env\.abort, env\.seed/);
    expect(text).toMatch(/env\.abort, env\.seed \(AssemblyScript\)\n {4}build it with the configuration/);
    expect(text).toContain('It cannot run as a service: imports are missing.');
  });

  test('without a program in it', ({ expect }) => {
    const report = moduleReport(assemble({ functions: [{ ...START, exportAs: 'add' }] }), 'lib.wasm');
    expect(report).toMatchObject({ wasi: undefined, problem: expect.stringContaining('no _start') });
  });

  test('with names that would move the cursor of a terminal', ({ expect }) => {
    const odd = { module: 'env', name: '\u001b[2Jx', signature: { params: '', results: '' } };
    const text = moduleReportText(moduleReport(assemble({ imports: [odd], functions: [START] }), 'x.wasm'));
    expect(text).not.toContain('\u001b');
    expect(text).toContain('\\u001b[2Jx');
  });
});

describe('a component', () => {
  test('its imports, exports and version of WASI, by a reader of our own', ({ expect }) => {
    const bytes = component([
      // core module of 8 bytes
      [1, [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]],
      // (type (instance)) and (type (func))
      [7, [2, 0x42, 0, 0x40, 0, 1, 0]],
      // (import "wasi:cli/stdout@0.2.6" (instance (type 0))) and (import "f" (func (type 1)))
      [10, [2, 0, ...nameOf('wasi:cli/stdout@0.2.6'), 5, 0, 0, ...nameOf('f'), 1, 1]],
      // (export "wasi:http/incoming-handler@0.2.6" (instance 0))
      [11, [1, 0, ...nameOf('wasi:http/incoming-handler@0.2.6'), 5, 0, 0]],
    ]);
    const report = moduleReport(bytes, 'c.wasm');
    expect(report).toMatchObject({
      kind: 'component',
      wasi: '0.2.6',
      inner: { modules: 1, components: 0 },
      imports: [
        { dialect: 'wasi:cli', isProvided: true, names: ['wasi:cli/stdout@0.2.6'] },
        { dialect: 'f', isProvided: false, names: ['f'] },
      ],
      exports: [{ name: 'wasi:http/incoming-handler@0.2.6', kind: 'instance' }],
    });
    expect(moduleReportText(report)).toContain('c.wasm: a component, WASI 0.2.6\n');
  });
});

describe('what is no module says so', () => {
  const rows: Readonly<Record<string, readonly [bytes: Uint8Array, message: RegExp, hint: RegExp]>> = {
    nothing: [new Uint8Array(0), /is not a WebAssembly file/, /empty/],
    'a program for Linux': [Buffer.from('\u007fELF\u0002'), /not a WebAssembly/, /for Linux/],
    'a script': [Buffer.from('#!/bin/sh\n'), /not a WebAssembly/, /script/],
    'text of WebAssembly': [Buffer.from('(module)'), /not a WebAssembly/, /wat2wasm/],
    'half a module': [assemble({ functions: [START] }).subarray(0, 20), /cannot be read: ends at byte/, /cut off/],
    'an import of an unknown kind': [
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 6, 1, 1, 0x61, 1, 0x62, 9),
      /cannot be read: unknown kind/,
      /damaged/,
    ],
  };
  for (const [name, [bytes, message, hint]] of Object.entries(rows)) {
    test(name, ({ expect }) => {
      const expected = {
        code: 'ERR_MODULE_INVALID',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      };
      expect(() => moduleReport(bytes, 'x')).toThrow(expect.objectContaining(expected));
    });
  }

  test('no cut of a module is anything but this error', ({ expect }) => {
    const whole = assemble({
      imports: [{ module: P1, name: 'proc_exit', signature: { params: 'i', results: '' } }],
      functions: [{ ...START, body: [...op.i32(1), ...op.call(0)], debugName: 'main' }],
      data: Buffer.from('abc'),
    });
    for (let end = 0; end < whole.length; end++) {
      try {
        moduleReport(whole.subarray(0, end), 'x');
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_MODULE_INVALID' });
      }
    }
  });
});

function component(sections: readonly (readonly [id: number, contents: readonly number[]])[]): Uint8Array {
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    0x0d,
    0,
    1,
    0,
    ...sections.flatMap(([id, contents]) => [id, contents.length, ...contents]),
  ]);
}

function nameOf(name: string): readonly number[] {
  return [name.length, ...Buffer.from(name)];
}
