import { describe, test } from 'vitest';
import type { ExitStatus } from '../../../../src/model/state.ts';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { HostVolume, openDescriptors } from './fs/volume.ts';
import { assemble, op } from './assembler.ts';
import { TestGuest } from './guest.ts';
import { HELLO, hostWith, program, writeHello } from './programs.ts';

const exit = (code: number) => [...op.i32(code), ...op.call(0)];
const VOID = { params: '', results: '' };

describe('a program ends', () => {
  test.for([
    { name: 'by returning', body: [], status: { how: 'code', code: 0 } },
    { name: 'with a code', body: exit(3), status: { how: 'code', code: 3 } },
    { name: 'with 0', body: exit(0), status: { how: 'code', code: 0 } },
    { name: 'with 255', body: exit(255), status: { how: 'code', code: 255 } },
    { name: 'with a code beyond a byte', body: exit(256 + 7), status: { how: 'code', code: 7 } },
    { name: 'with a negative code', body: exit(-1), status: { how: 'code', code: 255 } },
  ])('$name', async ({ body, status }, { expect }) => {
    expect(await hostWith().run(program(['proc_exit'], body))).toEqual(status);
  });

  test('from a call deep inside, past frames that catch everything', async ({ expect }) => {
    let written = '';
    const host = hostWith({ stdout: (chunk) => void (written += Buffer.from(chunk).toString()) });
    // Catches what unwinds it, and then writes, and returns as if nothing had been.
    const begin = [...op.try, ...op.call(3), ...op.catchAll, ...op.end, ...writeHello(1)];
    const inner = { signature: VOID, body: exit(5) };
    const exited = await host.run(program(['proc_exit', 'fd_write'], begin, { functions: [inner], data: HELLO }));
    expect(exited).toEqual({ how: 'code', code: 5 });
    expect(written).toBe('');
  });

  test('also when it catches that and returns without another call', async ({ expect }) => {
    const begin = [...op.try, ...exit(5), ...op.catchAll, ...op.end];
    expect(await hostWith().run(program(['proc_exit'], begin))).toEqual({ how: 'code', code: 5 });
  });

  test('exit in _initialize, and _start does not run', async ({ expect }) => {
    const initialize = { signature: VOID, body: exit(6), exportAs: '_initialize' };
    expect(await hostWith().run(program(['proc_exit'], exit(7), { functions: [initialize] }))).toEqual({
      how: 'code',
      code: 6,
    });
  });

  test('everything it had open is closed, whatever the end', async ({ expect }) => {
    using volume = new HostVolume();
    const before = openDescriptors();
    for (const body of [[], exit(1), op.unreachable]) {
      await hostWith({ mounts: [volume.mount()] }).run(program(['proc_exit'], body));
      expect(openDescriptors()).toBe(before);
    }
  });
});

describe('a trap', () => {
  const named = (status: ExitStatus) =>
    status.how === 'trap' ? status.backtrace.map((frame) => frame.replace(/ at 0x[0-9a-f]+$/, '')) : [];

  test('has its message and the names of functions, the innermost first', async ({ expect }) => {
    const functions = [
      { signature: VOID, body: op.call(3), debugName: 'middle' },
      { signature: VOID, body: op.unreachable, debugName: 'deep' },
    ];
    const status = await hostWith().run(program(['proc_exit'], op.call(2), { functions }));
    expect(status).toMatchObject({ how: 'trap', message: 'unreachable' });
    expect(named(status)).toEqual(['deep', 'middle', 'begin']);
  });

  test('by an access outside of memory', async ({ expect }) => {
    const status = await hostWith().run(program(['proc_exit'], [...op.i32(-4), ...op.load(0), ...op.drop]));
    expect(status).toMatchObject({ how: 'trap', message: 'memory access out of bounds' });
  });

  test('by endless recursion, which the host survives', async ({ expect }) => {
    const status = await hostWith().run(program(['proc_exit'], op.call(1)));
    expect(status).toMatchObject({ how: 'trap', message: 'call stack exhausted' });
    expect(named(status)).toHaveLength(32);
    expect(await hostWith().run(program(['proc_exit'], exit(1)))).toEqual({ how: 'code', code: 1 });
  });

  test('by a function without a name has its number', async ({ expect }) => {
    const status = await hostWith().run(
      program(['proc_exit'], op.call(2), { functions: [{ signature: VOID, body: op.unreachable }] }),
    );
    expect(named(status)).toEqual(['function 2', 'begin']);
  });

  test('by a call that waits in the start section, before there is anything to suspend', async ({ expect }) => {
    const bytes = assemble({
      imports: [{ module: 'wasi_snapshot_preview1', name: 'sched_yield', signature: { params: '', results: 'i' } }],
      functions: [
        { signature: VOID, body: [], exportAs: '_start' },
        { signature: VOID, body: [...op.call(0), ...op.drop], debugName: 'early' },
      ],
      start: 2,
    });
    const status = await hostWith().run(new WebAssembly.Module(bytes));
    expect(status).toMatchObject({ how: 'trap', message: 'waits before it has started' });
  });
});

describe('stopped', () => {
  test('while it waits', async ({ expect }) => {
    const host = hostWith({ stdinOpen: true });
    const read = [...op.i32(0), ...op.i32(0), ...op.i32(1), ...op.i32(32), ...op.call(0), ...op.drop];
    const ended = host.run(program(['fd_read'], read, { data: HELLO }));
    await new Promise((resolve) => setImmediate(resolve));
    host.stop();
    expect(await ended).toEqual({ how: 'killed' });
  });

  test('while it calls without ever waiting: the event loop gets its turn', async ({ expect }) => {
    let writes = 0;
    const host = hostWith({ stdout: () => void writes++ });
    const forever = [...op.loop, ...writeHello(0), ...op.branch(0), ...op.end];
    const ended = host.run(program(['fd_write'], forever, { data: HELLO }));
    setImmediate(() => host.stop());
    expect(await ended).toEqual({ how: 'killed' });
    expect(writes).toBeGreaterThan(0);
  });

  test('even when it catches what stops it', async ({ expect }) => {
    const host = hostWith();
    const loop = [...op.loop, ...op.call(0), ...op.drop, ...op.branch(0), ...op.end];
    const ended = host.run(program(['sched_yield'], [...op.try, ...loop, ...op.catchAll, ...op.end]));
    await new Promise((resolve) => setImmediate(resolve));
    host.stop();
    expect(await ended).toEqual({ how: 'killed' });
  });

  test('before it has started', async ({ expect }) => {
    const host = hostWith();
    host.stop();
    expect(await host.run(program(['sched_yield'], [...op.call(0), ...op.drop]))).toEqual({ how: 'killed' });
  });
});

describe('proc_raise', () => {
  test.for([
    { name: 'a signal that does nothing', signal: 16, errno: Errno.SUCCESS },
    { name: 'no signal', signal: 0, errno: Errno.SUCCESS },
    { name: 'an unknown signal', signal: 31, errno: Errno.INVAL },
  ])('$name', async ({ signal, errno }, { expect }) => {
    const guest = await TestGuest.start();
    expect(guest.call('proc_raise', signal)).toBe(errno);
  });

  test('a signal that ends a program does, with 128 more', async ({ expect }) => {
    const body = [...op.i32(15), ...op.call(0), ...op.drop];
    expect(await hostWith().run(program(['proc_raise'], body))).toEqual({ how: 'code', code: 143 });
  });
});

describe('what cannot run', () => {
  test('a module without an entry is refused', async ({ expect }) => {
    const module = new WebAssembly.Module(assemble({ functions: [{ signature: VOID, body: [], exportAs: 'other' }] }));
    await expect(hostWith().run(module)).rejects.toMatchObject({
      code: 'ERR_MODULE_INVALID',
      message: 'the module exports none of _initialize, _start',
    });
  });

  test('what is missing is named', ({ expect }) => {
    const module = new WebAssembly.Module(
      assemble({
        imports: [
          { module: 'wasi_snapshot_preview1', name: 'fd_write', signature: { params: 'iiii', results: 'i' } },
          { module: 'wasi_snapshot_preview1', name: 'toString', signature: VOID },
          { module: 'wasi_snapshot_preview2', name: 'fd_write', signature: VOID },
          { module: 'env', name: 'constructor', signature: VOID },
        ],
        functions: [],
      }),
    );
    expect(hostWith().missingImports(module)).toEqual([
      'wasi_snapshot_preview1.toString',
      'wasi_snapshot_preview2.fd_write',
      'env.constructor',
    ]);
  });

  test('an argument with a NUL is refused, and mounts stay the caller’s', async ({ expect }) => {
    using volume = new HostVolume();
    const mount = volume.mount();
    expect(() => hostWith({ args: ['a\0b'], mounts: [mount] })).toThrow(
      expect.objectContaining({ code: 'ERR_COMPOSE_INVALID' }),
    );
    expect(mount.directory.statSelf().filetype).toBe(3);
    mount.directory.close();
  });
});

test('a function given by the caller has precedence, and one that is new is there', async ({ expect }) => {
  const host = hostWith({
    functions: () => ({ proc_exit: { fn: () => 0, blocks: false }, extra: { fn: () => 0, blocks: false } }),
  });
  const module = new WebAssembly.Module(
    assemble({
      imports: [{ module: 'wasi_snapshot_preview1', name: 'extra', signature: { params: '', results: 'i' } }],
      functions: [{ signature: VOID, body: [...op.call(0), ...op.drop], exportAs: '_start' }],
    }),
  );
  expect(host.missingImports(module)).toEqual([]);
  expect(await host.run(module)).toEqual({ how: 'code', code: 0 });
});
