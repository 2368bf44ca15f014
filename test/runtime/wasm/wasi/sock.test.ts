import { describe, test } from 'vitest';
import { type Descriptor, Filetype, type Readiness } from '../../../../src/runtime/wasm/wasi/descriptor.ts';
import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import type { GuestBuffers } from '../../../../src/runtime/wasm/wasi/guest-memory.ts';
import { SOCKET_RIGHTS } from '../../../../src/runtime/wasm/wasi/rights.ts';
import type { SocketDescriptor } from '../../../../src/runtime/wasm/wasi/sock.ts';
import { RESULT, TestGuest, VECTOR } from './guest.ts';

const PEEK = 1;
const WAITALL = 2;
const NONBLOCK = 4;

/** A stream that has these chunks to read, one for each call, and then the end. */
class Chunks implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_STREAM;
  fdflags = 0;
  rights = SOCKET_RIGHTS;
  inheriting = 0n;
  closed = 0;
  readonly written: string[] = [];
  readonly shutdowns: number[] = [];
  readonly peeks: boolean[] = [];
  readonly #chunks: string[];

  constructor(...chunks: string[]) {
    this.#chunks = chunks;
  }

  read(into: GuestBuffers): number | Promise<number> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return 0;
    if (chunk === 'reset') return -Errno.CONNRESET;
    const n = into.fill(Buffer.from(chunk));
    if (n < chunk.length) this.#chunks.unshift(chunk.slice(n));
    return Promise.resolve(n);
  }

  peek(into: GuestBuffers, all: boolean): number {
    this.peeks.push(all);
    return into.fill(Buffer.from(this.#chunks[0] ?? ''));
  }

  write(from: GuestBuffers): number {
    this.written.push(Buffer.from(from.gather()).toString());
    return from.length;
  }

  shutdown(how: number): number {
    this.shutdowns.push(how);
    return Errno.SUCCESS;
  }

  readiness(): Readiness {
    return { readable: 0, writable: 1, hangup: false };
  }

  close(): void {
    this.closed++;
  }
}

class Listener implements SocketDescriptor {
  readonly filetype = Filetype.SOCKET_STREAM;
  fdflags = 0;
  rights = SOCKET_RIGHTS;
  inheriting = 0n;
  readonly #accept: (fdflags: number) => Descriptor | number | Promise<Descriptor | number>;

  constructor(accept: (fdflags: number) => Descriptor | number | Promise<Descriptor | number>) {
    this.#accept = accept;
  }

  accept(fdflags: number): Descriptor | number | Promise<Descriptor | number> {
    return this.#accept(fdflags);
  }

  close(): void {
    // Nothing to free.
  }
}

async function receive(guest: TestGuest, fd: number, flags: number, length = 6): Promise<string | number> {
  guest.bytes.fill(0x3f, 0, 64);
  guest.vectors([1, 2], [8, length - 2]);
  const errno = await guest.wait('sock_recv', fd, VECTOR, 2, flags, RESULT, RESULT + 4);
  if (errno !== 0) return -errno;
  const n = guest.view.getUint32(RESULT, true);
  return guest.text(1, Math.min(n, 2)) + guest.text(8, Math.max(n - 2, 0));
}

describe('sock_recv', () => {
  test('reads what is there', async ({ expect }) => {
    const guest = await TestGuest.start();
    const fd = guest.host.table.add(new Chunks('abcd', 'ef'));
    expect(await receive(guest, fd, 0)).toBe('abcd');
    expect(guest.text(RESULT, 8)).toBe('\x04\0\0\0\0\0??');
    expect([await receive(guest, fd, 0), await receive(guest, fd, 0)]).toEqual(['ef', '']);
  });

  test('PEEK leaves it', async ({ expect }) => {
    const guest = await TestGuest.start();
    const socket = new Chunks('abcd');
    const fd = guest.host.table.add(socket);
    expect([await receive(guest, fd, PEEK), await receive(guest, fd, PEEK | WAITALL)]).toEqual(['abcd', 'abcd']);
    expect(await receive(guest, fd, 0)).toBe('abcd');
    expect(socket.peeks).toEqual([false, true]);
  });

  test('WAITALL reads on until the buffers are full', async ({ expect }) => {
    const guest = await TestGuest.start();
    const fd = guest.host.table.add(new Chunks('a', 'bc', 'defgh'));
    expect(await receive(guest, fd, WAITALL)).toBe('abcdef');
    expect(await receive(guest, fd, WAITALL)).toBe('gh');
    expect(await receive(guest, fd, WAITALL)).toBe('');
  });

  test('WAITALL keeps what came before an error', async ({ expect }) => {
    const guest = await TestGuest.start();
    const fd = guest.host.table.add(new Chunks('a', 'reset', 'reset'));
    expect(await receive(guest, fd, WAITALL)).toBe('a');
    expect(await receive(guest, fd, WAITALL)).toBe(-Errno.CONNRESET);
  });

  test('a NONBLOCK socket does not know WAITALL', async ({ expect }) => {
    const guest = await TestGuest.start();
    const socket = new Chunks('a', 'bc');
    socket.fdflags = NONBLOCK;
    const fd = guest.host.table.add(socket);
    expect(await receive(guest, fd, WAITALL)).toBe('a');
    expect(await receive(guest, fd, PEEK | WAITALL)).toBe('bc');
    expect(socket.peeks).toEqual([false]);
  });

  test('a listener is not connected, and cannot peek', async ({ expect }) => {
    const guest = await TestGuest.start();
    const fd = guest.host.table.add(new Listener(() => -Errno.AGAIN));
    expect(await receive(guest, fd, 0)).toBe(-Errno.NOTCONN);
    expect(await receive(guest, fd, 4)).toBe(-Errno.INVAL);
  });
});

describe('sock_send and sock_shutdown', () => {
  test('a socket gets what is sent', async ({ expect }) => {
    const guest = await TestGuest.start();
    const socket = new Chunks();
    const fd = guest.host.table.add(socket);
    guest.bytes.set(Buffer.from('abc'), 1);
    guest.vectors([1, 3]);
    expect(await guest.wait('sock_send', fd, VECTOR, 1, 0, RESULT)).toBe(Errno.SUCCESS);
    expect(guest.view.getUint32(RESULT, true)).toBe(3);
    expect(await guest.wait('sock_send', fd, VECTOR, 1, 1, RESULT)).toBe(Errno.INVAL);
    expect(socket.written).toEqual(['abc']);
  });

  test.for([
    { how: 1, errno: Errno.SUCCESS },
    { how: 2, errno: Errno.SUCCESS },
    { how: 3, errno: Errno.SUCCESS },
    { how: 0, errno: Errno.INVAL },
    { how: 4, errno: Errno.INVAL },
  ])('shutdown $how', async ({ how, errno }, { expect }) => {
    const guest = await TestGuest.start();
    const socket = new Chunks();
    const fd = guest.host.table.add(socket);
    expect(guest.call('sock_shutdown', fd, how)).toBe(errno);
    expect(socket.shutdowns).toEqual(errno === 0 ? [how] : []);
    expect(guest.call('sock_shutdown', guest.host.table.add(new Listener(() => 0)), 3)).toBe(Errno.NOTSUP);
  });
});

describe('sock_accept', () => {
  test('gives the connection the lowest free number', async ({ expect }) => {
    const guest = await TestGuest.start();
    const flags: number[] = [];
    const fd = guest.host.table.add(
      new Listener((fdflags) => {
        flags.push(fdflags);
        return flags.length === 1 ? new Chunks('a') : Promise.resolve(new Chunks('b'));
      }),
    );
    expect(await guest.wait('sock_accept', fd, NONBLOCK, 1)).toBe(Errno.SUCCESS);
    expect(guest.text(0, 6)).toBe(`?${String.fromCharCode(fd + 1)}\0\0\0?`);
    expect(await guest.wait('sock_accept', fd, 0, 1)).toBe(Errno.SUCCESS);
    expect(guest.view.getUint32(1, true)).toBe(fd + 2);
    expect(flags).toEqual([NONBLOCK, 0]);
  });

  test('answers with the listener’s errno, and INVAL for what does not listen', async ({ expect }) => {
    const guest = await TestGuest.start();
    const fd = guest.host.table.add(new Listener(() => -Errno.AGAIN));
    expect(await guest.wait('sock_accept', fd, 0, 0)).toBe(Errno.AGAIN);
    expect(await guest.wait('sock_accept', guest.host.table.add(new Chunks()), 0, 0)).toBe(Errno.INVAL);
  });

  test('closes a connection that there is no room for', async ({ expect }) => {
    const guest = await TestGuest.start({ descriptorLimit: 4 });
    const socket = new Chunks();
    const fd = guest.host.table.add(new Listener(() => socket));
    expect(await guest.wait('sock_accept', fd, 0, 0)).toBe(Errno.MFILE);
    expect(socket.closed).toBe(1);
  });
});
