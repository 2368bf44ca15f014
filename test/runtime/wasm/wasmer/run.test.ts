import fs from 'node:fs';
import { test } from 'vitest';
import { runWasmer, type WasmerOptions } from '../../../../src/runtime/wasm/wasmer/run.ts';
import { assemble, op } from '../wasi/assembler.ts';

const WASI = 'wasi_snapshot_preview1';
const VOID = { params: '', results: '' };

async function run(module: WebAssembly.Module, options: Partial<WasmerOptions> = {}) {
  let [stdout, stderr, calls] = ['', '', 0];
  const exit = await runWasmer(module, {
    args: ['job'],
    env: [],
    directories: [],
    stdout: (chunk) => {
      stdout += Buffer.from(chunk).toString();
      calls++;
    },
    stderr: (chunk) => {
      stderr += Buffer.from(chunk).toString();
      calls++;
    },
    ...options,
  });
  return { exit, stdout, stderr, calls };
}

function primes(): WebAssembly.Module {
  return new WebAssembly.Module(fs.readFileSync('examples/wasmer-batch/primes.wasm'));
}

test('the example counts primes and keeps a file in memory', async ({ expect }) => {
  const result = await run(primes(), { args: ['primes', '1000'], directories: ['/tmp'] });
  expect(result).toEqual({
    exit: { how: 'code', code: 0 },
    stdout: '168 primes up to 1000, the last ones:\n  997\n  991\n  983\n',
    stderr: '',
    calls: 1,
  });
});

test('files are there only where a tmpfs is', async ({ expect }) => {
  const result = await run(primes(), { args: ['primes', '1000'] });
  expect(result.exit).toEqual({ how: 'code', code: 1 });
  expect(result.stderr).toContain('/tmp/last: ');
});

test('one run sees nothing of another', async ({ expect }) => {
  const module = primes();
  await run(module, { args: ['primes', '1000'], directories: ['/tmp'] });
  const second = await run(module, { args: ['primes', '1000'] });
  expect(second.exit).toEqual({ how: 'code', code: 1 });
});

test('directories are made with their parents, once', async ({ expect }) => {
  const result = await run(primes(), { args: ['primes', '10'], directories: ['/tmp/a/b', '/tmp', '/tmp/a/c/'] });
  expect(result.exit).toEqual({ how: 'code', code: 0 });
});

test('arguments arrive and the exit code is the guest’s', async ({ expect }) => {
  const result = await run(primes(), { args: ['primes', 'many'] });
  expect(result).toMatchObject({
    exit: { how: 'code', code: 2 },
    stdout: '',
    stderr: 'usage: primes LIMIT, from 2 to 1000000000\n',
  });
});

test('the environment arrives as it is', async ({ expect }) => {
  const sizes = { params: 'ii', results: 'i' };
  const module = new WebAssembly.Module(
    assemble({
      imports: [
        { module: WASI, name: 'environ_sizes_get', signature: sizes },
        { module: WASI, name: 'proc_exit', signature: { params: 'i', results: '' } },
      ],
      // Exits with the number of bytes of the environment.
      functions: [
        {
          signature: VOID,
          body: [...op.i32(0), ...op.i32(4), ...op.call(0), ...op.drop, ...op.i32(4), ...op.load(0), ...op.call(1)],
          exportAs: '_start',
        },
      ],
    }),
  );
  const env = ['A=1', 'B=x=y', 'EMPTY=', '__proto__=z'];
  const { exit } = await run(module, { env });
  expect(exit).toEqual({ how: 'code', code: `${env.join('\0')}\0`.length });
});

test.for([
  { name: 'a code', code: 3, seen: 3 },
  { name: 'a code beyond a byte, as a parent process would see it', code: 300, seen: 44 },
  { name: 'a negative code', code: -1, seen: 255 },
])('exits: $name', async ({ code, seen }, { expect }) => {
  const module = new WebAssembly.Module(
    assemble({
      imports: [{ module: WASI, name: 'proc_exit', signature: { params: 'i', results: '' } }],
      functions: [{ signature: VOID, body: [...op.i32(code), ...op.call(0)], exportAs: '_start' }],
    }),
  );
  expect((await run(module)).exit).toEqual({ how: 'code', code: seen });
});

test('a trap has its message and the names of the guest’s functions', async ({ expect }) => {
  const module = new WebAssembly.Module(
    assemble({
      imports: [{ module: WASI, name: 'sched_yield', signature: { params: '', results: 'i' } }],
      functions: [
        { signature: VOID, body: op.call(2), exportAs: '_start', debugName: 'begin' },
        { signature: VOID, body: op.unreachable, debugName: 'fail' },
      ],
    }),
  );
  const { exit } = await run(module);
  expect(exit).toMatchObject({ how: 'trap', message: 'unreachable' });
  expect(exit.how === 'trap' && exit.backtrace.map((frame) => frame.replace(/ at 0x.*/, ''))).toEqual([
    'fail',
    'begin',
  ]);
});
