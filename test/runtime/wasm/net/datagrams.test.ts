import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { describe, test } from 'vitest';

import { Errno } from '../../../../src/runtime/wasm/wasi/errno.ts';
import { encodeFrame } from '../../../../src/runtime/wasm/net/datagram-frame.ts';
import { AT, SocketGuest } from './socket-guest.ts';

const DGRAM = 1;

/** A UDP socket of the host on a port of its own. */
async function host(): Promise<Disposable & { readonly socket: Socket; readonly port: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: socket.address().port, [Symbol.dispose]: () => void socket.close() };
}

async function sendTo(guest: SocketGuest, fd: number, text: string, ip: string, port: number): Promise<number> {
  const bytes = Buffer.from(text);
  guest.bytes.set(bytes, AT.data);
  guest.view.setUint32(AT.iovec, AT.data, true);
  guest.view.setUint32(AT.iovec + 4, bytes.length, true);
  return await guest.call('sock_send_to', fd, AT.iovec, 1, guest.address(ip), port, 0, AT.result);
}

interface Received {
  readonly text: string;
  readonly from: string;
  readonly truncated: boolean;
}

/** A number is an errno. */
async function receive(guest: SocketGuest, fd: number, size = 4096, flags = 0): Promise<Received | number> {
  guest.view.setUint32(AT.iovec, AT.data, true);
  guest.view.setUint32(AT.iovec + 4, size, true);
  const args = [fd, AT.iovec, 1, guest.address('0.0.0.0', 128), flags, AT.result2, AT.result, 0x900] as const;
  const errno = await guest.call('sock_recv_from', ...args);
  if (errno !== 0) return errno;
  const length = guest.view.getUint32(AT.result, true);
  return {
    text: Buffer.from(guest.bytes.slice(AT.data, AT.data + length)).toString(),
    from: `${guest.bytes.slice(AT.ip + 2, AT.ip + 6).join('.')}:${guest.view.getUint32(AT.result2, true)}`,
    truncated: guest.view.getUint16(0x900, true) === 1,
  };
}

async function bound(guest: SocketGuest, port: number, ip = '0.0.0.0'): Promise<number> {
  const fd = await guest.open(DGRAM);
  if ((await guest.call('sock_bind', fd, guest.address(ip), port)) !== 0) throw new Error('not bound');
  return fd;
}

describe('datagrams within the guest', () => {
  test('reach another socket of its own, with their sender', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const server = await bound(guest, 53);
    const client = await bound(guest, 4000);
    expect(await sendTo(guest, client, 'hi', '127.0.0.1', 53)).toBe(0);
    expect(await receive(guest, server)).toEqual({ text: 'hi', from: '127.0.0.1:4000', truncated: false });
    expect(await sendTo(guest, server, 'back', '127.0.0.1', 4000)).toBe(0);
    expect(await receive(guest, client)).toMatchObject({ text: 'back', from: '127.0.0.1:53' });
  });

  test('stay whole: one read is one datagram, and what does not fit is lost and told', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const server = await bound(guest, 53);
    for (const text of ['first one', 'second']) await sendTo(guest, server, text, '10.9.0.2', 53);
    expect(await receive(guest, server, 4096, 1)).toMatchObject({ text: 'first one', truncated: false });
    expect(await receive(guest, server, 5)).toMatchObject({ text: 'first', truncated: true });
    expect(await receive(guest, server)).toMatchObject({ text: 'second', truncated: false });
    await sendTo(guest, server, '', '10.9.0.2', 53);
    expect(await receive(guest, server)).toMatchObject({ text: '' });
  });

  test('a port is taken once, and free when its socket is closed', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const first = await bound(guest, 53);
    const second = await guest.open(DGRAM);
    expect(await guest.call('sock_bind', second, guest.address('0.0.0.0'), 53)).toBe(Errno.ADDRINUSE);
    expect(guest.doors.has(53)).toBe(true);
    expect(await guest.call('fd_close', first)).toBe(0);
    expect(guest.doors.has(53)).toBe(false);
    expect(await guest.call('sock_bind', second, guest.address('0.0.0.0'), 53)).toBe(0);
    expect(await guest.call('sock_bind', second, guest.address('0.0.0.0'), 54)).toBe(Errno.INVAL);
  });

  test('what is bound to the loopback has no door', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await bound(guest, 53, '127.0.0.1');
    expect(guest.doors.size).toBe(0);
    expect(await sendTo(guest, fd, 'x', '10.9.0.7', 53)).toBe(Errno.INVAL);
  });

  test('wait, or say AGAIN, or wake a poll', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const server = await bound(guest, 53);
    await guest.nonblocking(server);
    expect(await receive(guest, server)).toBe(Errno.AGAIN);
    expect(await guest.poll(server, 'write')).toMatchObject({ bytes: 65_507 });
    await sendTo(guest, server, 'five!', '10.9.0.2', 53);
    expect(await guest.poll(server, 'read')).toEqual({ bytes: 5, hangup: false });
  });

  test('more than the queue holds is lost, and the guest lives', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const server = await bound(guest, 53);
    for (let i = 0; i < 1100; i++) await sendTo(guest, server, String(i), '10.9.0.2', 53);
    await guest.nonblocking(server);
    let last: Received | number = 0;
    let count = 0;
    for (; ; count++) {
      const next = await receive(guest, server);
      if (typeof next === 'number') break;
      last = next;
    }
    expect([count, last]).toEqual([1024, { text: '1023', from: '10.9.0.2:53', truncated: false }]);
  });
});

describe('datagrams to others', () => {
  test('go where the fabric says, and answers have the address the guest knows', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    using peer = await host();
    guest.datagramVerdicts.set('172.18.0.5:123', { to: 'udp', host: '127.0.0.1', port: peer.port });
    const fd = await guest.open(DGRAM);
    const arrived = once(peer.socket, 'message');
    expect(await sendTo(guest, fd, 'time?', '172.18.0.5', 123)).toBe(0);
    const [text, from] = (await arrived) as [Buffer, { port: number; address: string }];
    expect(text.toString()).toBe('time?');
    peer.socket.send('now', from.port, from.address);
    expect(await receive(guest, fd)).toMatchObject({ text: 'now', from: '172.18.0.5:123' });
  });

  test('who was not asked is not heard', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    using peer = await host();
    using stranger = await host();
    guest.datagramVerdicts.set('172.18.0.5:123', { to: 'udp', host: '127.0.0.1', port: peer.port });
    const fd = await guest.open(DGRAM);
    const arrived = once(peer.socket, 'message');
    await sendTo(guest, fd, 'time?', '172.18.0.5', 123);
    const [, from] = (await arrived) as [Buffer, { port: number; address: string }];
    stranger.socket.send('lies', from.port, from.address);
    await new Promise((resolve) => stranger.socket.send('more lies', from.port, from.address, resolve));
    peer.socket.send('now', from.port, from.address);
    expect(await receive(guest, fd)).toMatchObject({ text: 'now' });
  });

  test('are refused by the networks: the sender hears why', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open(DGRAM);
    expect(await sendTo(guest, fd, 'x', '10.9.0.5', 123)).toBe(Errno.HOSTUNREACH);
    guest.datagramVerdicts.set('169.254.169.254:80', { to: 'refused', errno: 'EACCES', reason: '' });
    expect(await sendTo(guest, fd, 'x', '169.254.169.254', 80)).toBe(Errno.ACCES);
  });

  test('nobody there: told to who is connected, and to nobody else', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const gone = await host();
    gone[Symbol.dispose]();
    guest.datagramVerdicts.set('172.18.0.5:123', { to: 'udp', host: '127.0.0.1', port: gone.port });
    const fd = await guest.open(DGRAM);
    expect(await guest.call('sock_connect', fd, guest.address('172.18.0.5'), 123)).toBe(0);
    expect(await guest.send(fd, 'x')).toBe(1);
    expect(await guest.recv(fd)).toBe(-Errno.CONNREFUSED);
    guest.datagramVerdicts.set('10.9.0.5:9', { to: 'refused', errno: 'ECONNREFUSED', reason: '' });
    const other = await guest.open(DGRAM);
    expect(await sendTo(guest, other, 'x', '10.9.0.5', 9)).toBe(0);
  });

  test('are not longer than UDP has them', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await guest.open(DGRAM);
    expect(await sendTo(guest, fd, 'x'.repeat(65_508), '10.9.0.5', 9)).toBe(Errno.MSGSIZE);
  });
});

describe('the door for other instances', () => {
  test('takes what has the key, with the sender that it names', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const fd = await bound(guest, 53);
    const door = guest.doors.get(53);
    using peer = await host();
    const from = { address: '10.9.0.77', port: 4444 };
    const key = Buffer.from(door?.key ?? '', 'hex');
    const send = async (bytes: Uint8Array): Promise<void> =>
      await new Promise((resolve) => peer.socket.send(bytes, door?.port ?? 0, '127.0.0.1', () => resolve()));
    await send(Buffer.from('no key at all, and long enough to hold one'));
    await send(encodeFrame(Buffer.alloc(16), { bytes: Buffer.from('wrong key'), from }));
    await send(encodeFrame(key, { bytes: Buffer.from('hello'), from }));
    expect(await receive(guest, fd)).toEqual({ text: 'hello', from: '10.9.0.77:4444', truncated: false });
  });
});

describe('a published port', () => {
  test('brings datagrams from outside, and takes the answers back', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { published } = await guest.network.publish({
      protocol: 'udp',
      hostIp: '127.0.0.1',
      published: 0,
      target: 53,
    });
    const fd = await bound(guest, 53);
    using client = await host();
    client.socket.send('question', published, '127.0.0.1');
    const asked = await receive(guest, fd);
    expect(asked).toMatchObject({ text: 'question', from: `127.0.0.1:${client.port}` });
    const answered = once(client.socket, 'message');
    expect(await sendTo(guest, fd, 'answer', '127.0.0.1', client.port)).toBe(0);
    const [text, from] = (await answered) as [Buffer, { port: number }];
    expect([text.toString(), from.port]).toEqual(['answer', published]);
  });

  test('of all interfaces takes both kinds of addresses', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    const { published } = await guest.network.publish({ protocol: 'udp', hostIp: '', published: 0, target: 53 });
    const fd = await bound(guest, 53);
    using client = await host();
    client.socket.send('question', published, '127.0.0.1');
    expect(await receive(guest, fd)).toMatchObject({ text: 'question', from: `127.0.0.1:${client.port}` });
  });

  test('that is taken is an error of the system', async ({ expect }) => {
    await using guest = await SocketGuest.start();
    using owner = await host();
    const wanted = { protocol: 'udp', hostIp: '127.0.0.1', published: owner.port, target: 53 } as const;
    await expect(guest.network.publish(wanted)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
