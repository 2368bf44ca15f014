import type { Socket } from 'node:net';

import { describe, test } from 'vitest';

import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { AT, SocketGuest } from './socket-guest.ts';

/** What a socket of the test's own receives until the other side ends. */
async function textOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  // Also after an error; iterating would destroy a socket that can still be written.
  socket.once('end', resolve).once('close', resolve);
  await promise;
  return text;
}

async function connected(guest: SocketGuest): Promise<{ fd: number; client: Socket }> {
  const listener = await guest.listener(80);
  const client = await guest.client(80);
  return { fd: await guest.accept(listener), client };
}

/** A connection that the guest made to a TCP server of the test. */
async function dialled(guest: SocketGuest): Promise<{ fd: number; server: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  await guest.server(80, 'tcp', resolve);
  const fd = await guest.open();
  await guest.call('sock_connect', fd, guest.address('10.9.0.7'), 80);
  return { fd, server: await promise };
}

describe('accepting', () => {
  test('waits for a client, and gives its bytes both ways', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    const accepted = guest.accept(listener);
    const client = await guest.client(80);
    const fd = await accepted;
    client.write('ping');
    expect(await guest.recv(fd)).toBe('ping');
    expect(await guest.send(fd, 'pong')).toBe(4);
    await guest.call('fd_close', fd);
    expect(await textOf(client)).toBe('pong');
  });

  test('says AGAIN when nobody is there and it must not wait', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    await guest.nonblocking(listener);
    expect(await guest.call('sock_accept', listener, 0, AT.result)).toBe(Errno.AGAIN);
    const client = await guest.client(80);
    expect((await guest.poll(listener, 'read')).bytes).toBe(1);
    expect(await guest.call('sock_accept', listener, AT.result)).toBe(0);
    client.destroy();
  });

  test('a number of parameters that nobody knows is NOSYS', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    expect(await guest.call('sock_accept', 3, 0, 0, 0, 0)).toBe(Errno.NOSYS);
  });

  test('a connection without its first line never reaches the guest', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    await guest.nonblocking(listener);
    const client = await guest.client(80, 'GET / HTTP/1.1\r\n\r\n');
    expect(await textOf(client)).toBe('');
    expect(await guest.call('sock_accept', listener, 0, AT.result)).toBe(Errno.AGAIN);
  });

  test('closing the listener refuses who comes next, and tells so', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    await guest.call('fd_close', listener);
    await expect(guest.client(80)).rejects.toMatchObject({ code: /ECONNREFUSED|ENOENT/ });
    expect(guest.listening).toEqual(['+80', '-80']);
  });

  test('a port can be listened on once', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    await guest.listener(80);
    const fd = await guest.open();
    expect(await guest.call('sock_bind', fd, guest.address('0.0.0.0'), 80)).toBe(Errno.ADDRINUSE);
  });

  test('any port is asked for with 0', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(0);
    await guest.call('sock_getlocaladdr', listener, guest.address('0.0.0.0', 128), AT.result);
    const port = guest.view.getUint32(AT.result, true);
    expect(port).toBeGreaterThan(32_000);
    expect(guest.listening).toEqual([`+${port}`]);
  });

  test('an address that is not its own cannot be bound', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    expect(await guest.call('sock_bind', fd, guest.address('10.9.0.3'), 80)).toBe(Errno.ADDRNOTAVAIL);
  });
});

describe('the end of a connection', () => {
  test('the peer has finished sending: end of file, and it still gets an answer', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    client.end('last words');
    expect(await guest.recv(fd)).toBe('last words');
    expect(await guest.recv(fd)).toBe('');
    expect((await guest.poll(fd, 'read')).hangup).toBe(false);
    expect(await guest.send(fd, 'answer')).toBe(6);
    await guest.call('sock_shutdown', fd, 2);
    expect(await textOf(client)).toBe('answer');
  });

  test('shutting down for writing ends the peer, and reading goes on', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    await guest.call('sock_shutdown', fd, 2);
    expect(await textOf(client)).toBe('');
    client.write('later');
    expect(await guest.recv(fd)).toBe('later');
    expect(await guest.send(fd, 'x')).toBe(-Errno.PIPE);
  });

  test('shutting down for reading ends a read that waits', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd } = await connected(guest);
    const reading = guest.call('sock_recv', fd, AT.iovec, 0, 0, AT.result, AT.result2);
    expect(await reading).toBe(0);
    const waiting = guest.recv(fd);
    expect(await guest.call('sock_shutdown', fd, 1)).toBe(0);
    expect(await waiting).toBe('');
  });

  test('a reset is an error once, after what came before it', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, server } = await dialled(guest);
    server.write('before');
    expect((await guest.poll(fd, 'read')).bytes).toBe(6);
    server.resetAndDestroy();
    expect(await guest.recv(fd)).toBe('before');
    expect(await guest.recv(fd)).toBe(-Errno.CONNRESET);
    expect(await guest.recv(fd)).toBe('');
    expect(await guest.send(fd, 'x')).toBe(-Errno.PIPE);
  });

  test('lingering for no time resets the peer', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, server } = await dialled(guest);
    guest.view.setUint32(AT.data, 1, true);
    guest.view.setUint32(AT.data + 4, 0, true);
    expect(await guest.call('sock_setsockopt', fd, 0, 9, AT.data, 8)).toBe(0);
    const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException>();
    server.on('error', resolve);
    server.resume();
    await guest.call('fd_close', fd);
    expect((await promise).code).toBe('ECONNRESET');
  });

  test('closing sends what was written', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    expect(await guest.send(fd, 900_000)).toBe(900_000);
    await guest.call('fd_close', fd);
    expect((await textOf(client)).length).toBe(900_000);
  });
});

describe('more than a socket can hold', () => {
  test('a peer that does not read makes a polling guest wait, until it reads', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    await guest.nonblocking(fd);
    let sent = 0;
    for (;;) {
      const n = await guest.send(fd, 1_000_000);
      if (n === -Errno.AGAIN) break;
      sent += n;
    }
    expect(sent).toBeLessThan(20_000_000);
    const read = textOf(client);
    await guest.poll(fd, 'write');
    expect(await guest.send(fd, 'more')).toBe(4);
    await guest.call('fd_close', fd);
    expect((await read).length).toBe(sent + 4);
  });

  test('a guest that does not read makes its peer wait', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    const size = 4_000_000;
    let isSent = false;
    client.end(Buffer.alloc(size, 'y'), () => {
      isSent = true;
    });
    const { bytes } = await guest.poll(fd, 'read');
    expect(bytes).toBeGreaterThan(0);
    expect(isSent).toBe(false);
    let received = 0;
    for (;;) {
      const text = await guest.recv(fd, 100_000);
      if (text === '' || typeof text === 'number') break;
      received += text.length;
    }
    expect(received).toBe(size);
  });

  test('WAITALL waits for all, PEEK takes nothing', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    client.write('abc');
    expect(await guest.recv(fd, 8, 1)).toBe('abc');
    const all = guest.recv(fd, 6, 2);
    client.write('def');
    expect(await all).toBe('abcdef');
  });
});

describe('connecting', () => {
  for (const kind of ['tcp', 'unix'] as const) {
    test(`goes where the fabric says: ${kind}`, async ({ expect }) => {
      await using guest = await SocketGuest.start();
      await guest.server(5432, kind, (socket) => socket.pipe(socket));
      const fd = await guest.open();
      expect(await guest.call('sock_connect', fd, guest.address('10.9.0.7'), 5432)).toBe(0);
      await guest.send(fd, 'hello');
      expect(await guest.recv(fd)).toBe(kind === 'tcp' ? 'hello' : '10.9.0.2 40000\nhello');
    });
  }

  test('what the fabric refuses fails with its errno', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.8'), 80)).toBe(Errno.HOSTUNREACH);
    guest.verdicts.set('10.9.0.8:80', { to: 'refused', errno: 'EACCES', reason: '' });
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.8'), 80)).toBe(Errno.ACCES);
  });

  test('an instance that does not listen refuses', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    guest.verdicts.set('10.9.0.8:80', { to: 'unix', path: `${guest.dir}/nobody`, hello: 'x 1\n' });
    const fd = await guest.open();
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.8'), 80)).toBe(Errno.CONNREFUSED);
  });

  test('without waiting: INPROGRESS, writable, and no error', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    await guest.server(80, 'tcp', (socket) => socket.end('welcome'));
    const fd = await guest.open();
    await guest.nonblocking(fd);
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.7'), 80)).toBe(Errno.INPROGRESS);
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.7'), 80)).toBe(Errno.ALREADY);
    expect((await guest.poll(fd, 'write')).hangup).toBe(false);
    expect(await guest.error(fd)).toBe(0);
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.7'), 80)).toBe(Errno.ISCONN);
    await guest.poll(fd, 'read');
    expect(await guest.recv(fd)).toBe('welcome');
  });

  test('without waiting, and refused: an event with hangup, and the errno once', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    guest.verdicts.set('10.9.0.8:80', { to: 'refused', errno: 'ECONNREFUSED', reason: '' });
    const fd = await guest.open();
    await guest.nonblocking(fd);
    expect(await guest.call('sock_connect', fd, guest.address('10.9.0.8'), 80)).toBe(Errno.INPROGRESS);
    expect((await guest.poll(fd, 'write')).hangup).toBe(true);
    expect(await guest.error(fd)).toBe(Errno.CONNREFUSED);
    expect(await guest.error(fd)).toBe(0);
  });

  test('the guest reaches itself, at its address and at localhost', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80);
    for (const ip of ['127.0.0.1', '10.9.0.2', '0.0.0.0']) {
      const fd = await guest.open();
      expect(await guest.call('sock_connect', fd, guest.address(ip), 80)).toBe(0);
      const accepted = await guest.accept(listener);
      await guest.send(fd, ip);
      expect(await guest.recv(accepted)).toBe(ip);
    }
  });

  test('what it binds to localhost only it can reach', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const listener = await guest.listener(80, '127.0.0.1');
    expect(guest.listening).toEqual(['lo+80']);
    await expect(guest.client(80)).rejects.toThrow();
    const fd = await guest.open();
    expect(await guest.call('sock_connect', fd, guest.address('127.0.0.1'), 80)).toBe(0);
    await guest.accept(listener);
  });

  test('nobody listens on its own port: refused', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open();
    expect(await guest.call('sock_connect', fd, guest.address('127.0.0.1'), 81)).toBe(Errno.CONNREFUSED);
  });
});

describe('what the guest owes its clients', () => {
  test('an answer from the first byte of a request until it writes', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    expect(guest.owed).toBe(0);
    client.write('request');
    await guest.recv(fd);
    expect(guest.owed).toBe(1);
    await guest.send(fd, 'response');
    expect(guest.owed).toBe(0);
  });

  test('nothing to a client that is gone', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { fd, client } = await connected(guest);
    client.write('request');
    await guest.recv(fd);
    await guest.call('fd_close', fd);
    expect(guest.owed).toBe(0);
    client.destroy();
  });
});
