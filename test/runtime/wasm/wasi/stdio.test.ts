import { describe, test } from 'vitest';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { op } from './assembler.ts';
import { RESULT, TestGuest, VECTOR } from './guest.ts';
import { HELLO, hostWith, program, writeHello } from './programs.ts';

const NONBLOCK = 4;

describe('stdin', () => {
  test('is empty unless it is open', async ({ expect }) => {
    const guest = await TestGuest.start();
    expect(await guest.read(0)).toBe('');
    guest.host.stdin.push(Buffer.from('late'));
    expect(await guest.read(0)).toBe('');
  });

  test('waits for what is pushed, and ends with it', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    const { stdin } = guest.host;
    setImmediate(() => stdin.push(Buffer.from('abc')));
    expect(await guest.read(0, 2)).toBe('ab');
    expect(stdin.queuedBytes).toBe(1);
    stdin.push(Buffer.from('def'));
    stdin.push(Buffer.from(''));
    expect(await guest.read(0, 3)).toBe('cde');
    stdin.end();
    expect([await guest.read(0), await guest.read(0)]).toEqual(['f', '']);
  });

  test('ends while somebody waits for it', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    setImmediate(() => guest.host.stdin.end());
    expect(await guest.read(0)).toBe('');
  });

  test('does not wait when it is NONBLOCK, nor for a read of nothing', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    expect(await guest.read(0, 0)).toBe('');
    guest.call('fd_fdstat_set_flags', 0, NONBLOCK);
    expect(await guest.read(0)).toBe(-Errno.AGAIN);
  });

  test('fills several buffers from several chunks', async ({ expect }) => {
    const guest = await TestGuest.start({ stdinOpen: true });
    for (const chunk of ['ab', 'cde', 'f']) guest.host.stdin.push(Buffer.from(chunk));
    guest.vectors([1, 1], [3, 0], [5, 4]);
    expect(await guest.wait('fd_read', 0, VECTOR, 3, RESULT)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 12)).toBe('?a???bcde???');
  });
});

describe('stdout and stderr', () => {
  test('are streamed by a program that never waits for anything', async ({ expect }) => {
    const seen: string[] = [];
    const host = hostWith({ stdout: (chunk) => void seen.push(Buffer.from(chunk).toString()) });
    const ended = host.run(
      program(['fd_write'], [...op.loop, ...writeHello(0), ...op.branch(0), ...op.end], { data: HELLO }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set(['hello\n']));
    host.stop();
    await ended;
  });

  test('go where they belong, in order, and the bytes are the receiver’s', async ({ expect }) => {
    const chunks: [string, Uint8Array][] = [];
    const guest = await TestGuest.start({
      stdout: (chunk) => void chunks.push(['out', chunk]),
      stderr: (chunk) => void chunks.push(['err', chunk]),
    });
    await guest.write(1, 'a');
    await guest.write(2, 'b');
    await guest.write(1, '');
    await guest.write(1, 'c');
    guest.bytes.fill(0);
    expect(chunks.map(([stream, chunk]) => stream + Buffer.from(chunk).toString())).toEqual(['outa', 'errb', 'outc']);
  });

  test('hold the guest back while their receiver has no room', async ({ expect }) => {
    const room: (() => void)[] = [];
    const written: string[] = [];
    const guest = await TestGuest.start({
      stdout(chunk) {
        written.push(Buffer.from(chunk).toString());
        return new Promise<void>((resolve) => room.push(resolve));
      },
    });
    let done = false;
    const writing = guest.write(1, 'a').then((n) => {
      done = true;
      return n;
    });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect([written, done]).toEqual([['a'], false]);
    room.pop()?.();
    expect(await writing).toBe(1);
  });

  test('a guest that is held back can be stopped', async ({ expect }) => {
    const host = hostWith({ stdout: () => new Promise<void>(() => undefined) });
    const ended = host.run(program(['fd_write'], writeHello(0), { data: HELLO }));
    await new Promise((resolve) => setImmediate(resolve));
    host.stop();
    expect(await ended).toEqual({ how: 'killed' });
  });

  test('a receiver that fails does not end the guest', async ({ expect }) => {
    const guest = await TestGuest.start({ stdout: () => Promise.reject(new Error('gone')) });
    expect(await guest.write(1, 'abc')).toBe(3);
  });

  test('take 1 MiB at once, however often the guest names the same memory', async ({ expect }) => {
    const sizes: number[] = [];
    const guest = await TestGuest.start({ stdout: (chunk) => void sizes.push(chunk.length) });
    const array = 0x1000;
    for (let i = 0; i < 1024; i++) {
      guest.view.setUint32(array + i * 8, 0, true);
      guest.view.setUint32(array + i * 8 + 4, 4 * 65536, true);
    }
    expect(await guest.wait('fd_write', 1, array, 1024, RESULT)).toBe(Errno.SUCCESS);
    expect(guest.view.getUint32(RESULT, true)).toBe(1 << 20);
    expect(sizes).toEqual([1 << 20]);
  });
});
